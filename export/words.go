package export

import (
	"fmt"
	"strings"

	"github.com/orleu/elshi/vocab"
)

// text is one text in kk, ru and en.
type text struct{ kk, ru, en string }

func (t text) in(lang vocab.Language) string {
	switch lang {
	case vocab.Russian:
		return t.ru
	case vocab.English:
		return t.en
	case vocab.Kazakh:
		return t.kk
	}
	return t.kk
}

// say returns a text of the pages; an unknown key stops the page.
func say(lang vocab.Language, key string) (string, error) {
	t, known := pageWords[key]
	if !known {
		return "", fmt.Errorf("no text %q", key)
	}
	return t.in(lang), nil
}

// wordFor is a value of one of our lists in words. One that has none is shown as it is: the document has the same.
func wordFor(lang vocab.Language, value string) string {
	if t, known := valueWords[strings.TrimPrefix(value, "message.")]; known {
		return t.in(lang)
	}
	return value
}

var pageWords = map[string]text{
	"title":         {"Сіз туралы біз білетін барлық мәлімет", "Всё, что мы знаем о вас", "Everything we know about you"},
	"made":          {"жасалған уақыты", "составлено", "made on"},
	"profile":       {"Сіз туралы", "О вас", "About you"},
	"id":            {"Ішкі нөмірі", "Внутренний номер", "Id"},
	"name":          {"Аты-жөні", "Имя", "Name"},
	"external_id":   {"Сыртқы нөмірі", "Внешний номер", "External id"},
	"language":      {"Тілі", "Язык", "Language"},
	"time_zone":     {"Уақыт белдеуі", "Часовой пояс", "Time zone"},
	"created":       {"Тіркелген уақыты", "Внесено", "Recorded"},
	"unsubscribed":  {"Барлық таратылымнан бас тартылған", "Отписка от всех рассылок", "Unsubscribed from all"},
	"processing":    {"Деректерді өңдеуге келісім қайтарып алынған", "Согласие на обработку отозвано", "Consent to processing withdrawn"},
	"blocked":       {"Деректер заң бойынша бұғатталған", "Данные заблокированы по закону", "Data blocked by law"},
	"erased":        {"Деректер жойылған", "Данные уничтожены", "Data erased"},
	"addresses":     {"Мекенжайлар мен нөмірлер", "Адреса и номера", "Addresses and numbers"},
	"address":       {"Мекенжай", "Адрес", "Address"},
	"verified":      {"Расталған", "Подтверждён", "Proved"},
	"suppressions":  {"Жіберуге тыйым салынған мекенжайлар", "Запреты на отправку", "Addresses nothing is sent to"},
	"reason":        {"Себебі", "Причина", "Reason"},
	"since":         {"Қашаннан", "С", "Since"},
	"until":         {"Қашанға дейін", "До", "Until"},
	"grants":        {"Келісімдер", "Согласия", "Consents"},
	"purpose":       {"Мақсаты", "Цель", "Purpose"},
	"channel":       {"Арна", "Канал", "Channel"},
	"state":         {"Күйі", "Состояние", "State"},
	"history":       {"Келісімдер тарихы", "История согласий", "History of consents"},
	"at":            {"Уақыты", "Время", "Time"},
	"event":         {"Оқиға", "Событие", "Event"},
	"evidence":      {"Дәлел", "Доказательство", "Evidence"},
	"confirmations": {"Растау сұраулары", "Просьбы о подтверждении", "Requests to confirm"},
	"confirmed":     {"Расталған уақыты", "Подтверждено", "Confirmed"},
	"claims":        {"Өтініштер мен қарсылықтар", "Обращения и возражения", "Claims and objections"},
	"claim":         {"Өтініш", "Обращение", "Claim"},
	"due":           {"Жауап мерзімі", "Срок ответа", "Answer due"},
	"paused":        {"Таратылымдар кідіртілген, мерзімі", "Рассылки приостановлены до", "Mailings paused until"},
	"messages":      {"Хабарламалар", "Сообщения", "Messages"},
	"message":       {"Хабарлама", "Сообщение", "Message"},
	"subject":       {"Тақырыбы", "Тема", "Subject"},
	"status":        {"Күйі", "Статус", "Status"},
	"sent":          {"Жіберілген уақыты", "Отправлено", "Sent"},
	"why":           {"Шешім", "Решение", "Decision"},
	"content":       {"Мазмұны", "Содержание", "Content"},
	"gone":          {"Мазмұны енді сақталмайды.", "Содержание больше не хранится.", "The content is not kept any more."},
	"not_rendered":  {"Мәтінді қайта жасау мүмкін болмады; деректер data.json файлында.", "Текст не удалось составить заново; данные — в файле data.json.", "The text cannot be made again; its data are in data.json."},
	"attachments":   {"Тіркелген файлдар", "Вложения", "Attachments"},
	"events":        {"Не болды", "Что происходило", "What happened"},
	"attempts":      {"Жіберу әрекеттері", "Попытки отправки", "Attempts to send"},
	"provider":      {"Провайдер", "Провайдер", "Provider"},
	"outcome":       {"Нәтижесі", "Итог", "Outcome"},
	"detail":        {"Провайдердің сөздері", "Слова провайдера", "The provider's words"},
}

// valueWords are the values of channels, statuses, events, states, suppressions and outcomes.
var valueWords = map[string]text{
	"email": {"Электрондық пошта", "Эл. почта", "Email"},
	"sms":   {"SMS", "SMS", "SMS"},

	"scheduled":    {"жоспарланған", "запланировано", "scheduled"},
	"queued":       {"кезекте", "в очереди", "queued"},
	"held":         {"кідіртілген", "задержано", "held"},
	"deferred":     {"кейінге қалдырылған", "отложено", "deferred"},
	"sending":      {"жіберілуде", "отправляется", "sending"},
	"sent":         {"жіберілген", "отправлено", "sent"},
	"delivered":    {"жеткізілген", "доставлено", "delivered"},
	"bounced":      {"қайтып келген", "вернулось", "bounced"},
	"undelivered":  {"жеткізілмеген", "не доставлено", "undelivered"},
	"failed":       {"жіберілмеді", "не удалось отправить", "failed"},
	"suppressed":   {"жіберуге тыйым салынған", "отправка запрещена", "suppressed"},
	"expired":      {"мерзімі өткен", "срок истёк", "expired"},
	"canceled":     {"кері қайтарылған", "отменено", "canceled"},
	"unknown":      {"белгісіз", "неизвестно", "unknown"},
	"opened":       {"ашылған", "открыто", "opened"},
	"clicked":      {"сілтемеге өткен", "переход по ссылке", "clicked"},
	"complained":   {"шағым", "жалоба", "complained"},
	"unsubscribed": {"бас тартқан", "отписка", "unsubscribed"},
	"received":     {"алынған", "получено", "received"},

	"none":                 {"жоқ", "нет", "none"},
	"pending":              {"растау күтілуде", "ждёт подтверждения", "pending"},
	"granted":              {"берілген", "дано", "granted"},
	"refused":              {"бас тартылған", "отказ", "refused"},
	"withdrawn":            {"қайтарып алынған", "отозвано", "withdrawn"},
	"stale":                {"ескірген мәтін бойынша", "по устаревшему тексту", "stale"},
	"lapsed":               {"расталмаған", "не подтверждено вовремя", "lapsed"},
	"requested":            {"сұралған", "запрошено", "requested"},
	"confirmed":            {"расталған", "подтверждено", "confirmed"},
	"renewed":              {"ұзартылған", "продлено", "renewed"},
	"imported":             {"импортталған", "импортировано", "imported"},
	"policy_continued_use": {"саясатты пайдаланумен қабылдау", "принятие политики использованием", "policy accepted by continued use"},

	"paused":  {"кідіртілген", "приостановлено", "paused"},
	"resumed": {"жалғастырылған", "возобновлено", "resumed"},
	"merged":  {"жазбалар біріктірілген", "записи объединены", "records merged"},

	"opt_in":        {"жазылуды растау", "подтверждение подписки", "confirmation of a sign-up"},
	"address_proof": {"мекенжайды растау", "подтверждение адреса", "proof of an address"},

	"objection":     {"деректерді пайдалануға қарсылық", "возражение против использования данных", "objection to the use of data"},
	"access":        {"деректерге қол жеткізу", "доступ к данным", "access to data"},
	"rectification": {"деректерді түзету", "исправление данных", "rectification of data"},
	"erasure":       {"деректерді жою", "удаление данных", "erasure of data"},
	"restriction":   {"өңдеуді шектеу", "ограничение обработки", "restriction of processing"},
	"portability":   {"деректерді беру", "передача данных", "transfer of data"},
	"other":         {"басқа", "другое", "other"},
	"open":          {"қаралуда", "рассматривается", "open"},
	"answered":      {"жауап берілген", "дан ответ", "answered"},
	"closed":        {"жабылған", "закрыто", "closed"},

	"hard_bounce":  {"мұндай мекенжай жоқ", "такого адреса нет", "no such address"},
	"complaint":    {"шағым", "жалоба", "complaint"},
	"channel_stop": {"арна тоқтатылған", "канал остановлен", "channel stopped"},
	"manual":       {"қызметкер тыйым салған", "запрет сотрудника", "blocked by staff"},
	"erased":       {"деректер жойылған", "данные уничтожены", "data erased"},

	"accepted":        {"қабылданған", "принято", "accepted"},
	"not_handed_over": {"тапсырылмаған", "не передано", "not handed over"},
	"in_doubt":        {"белгісіз нәтиже", "итог неясен", "in doubt"},
}
