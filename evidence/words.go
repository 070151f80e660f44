package evidence

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

// inLanguage picks from texts that may lack a language.
func inLanguage(texts map[vocab.Language]string, lang vocab.Language) string {
	for _, l := range append([]vocab.Language{lang}, vocab.Languages()...) {
		if texts[l] != "" {
			return texts[l]
		}
	}
	return ""
}

// say returns a text of the page.
func say(lang vocab.Language, key string) string {
	t, known := labels[key]
	if !known {
		panic(fmt.Sprintf("evidence: no text %q", key)) // a test looks that none is missing
	}
	return t.in(lang)
}

// wordFor is a value of one of our lists in words. One that has none is shown as it is: the document has the same.
func wordFor[V ~string](lang vocab.Language, value V) string {
	if t, known := values[strings.TrimPrefix(string(value), "message.")]; known {
		return t.in(lang)
	}
	return string(value)
}

// labels are the texts of the page and the PDF.
var labels = map[string]text{
	"title":    {"Хабарлама бойынша дәлелдеме", "Доказательства по сообщению", "Evidence of a message"},
	"made":     {"Жасалған уақыты", "Составлено", "Made on"},
	"page":     {"бет", "страница", "page"},
	"of":       {"/", "из", "of"},
	"operator": {"Оператор", "Оператор", "Operator"},
	"bin":      {"БСН", "БИН", "BIN"},

	"facts":      {"Деректер", "Факты", "Facts"},
	"recipient":  {"Алушы", "Получатель", "Recipient"},
	"contact":    {"Контактінің ішкі нөмірі", "Внутренний номер контакта", "Contact"},
	"address":    {"Мекенжайы", "Адрес", "Address"},
	"no_address": {"жоқ немесе жойылған", "нет или уничтожен", "none, or erased"},
	"masked":     {"жасырылған: бұл рөл көре алмайды", "скрыто: эта роль не видит", "masked: not for this role"},
	"message":    {"Хабарлама", "Сообщение", "Message"},
	"purpose":    {"Мақсаты", "Цель", "Purpose"},
	"clause":     {"құпиялылық саясатының тармағы", "пункт политики конфиденциальности", "clause of the privacy policy"},
	"topic":      {"Тақырып", "Тема рассылки", "Topic"},
	"class":      {"Сыныбы", "Класс", "Class"},
	"channel":    {"Арна", "Канал", "Channel"},
	"decision":   {"Шешім", "Решение", "Decision"},
	"reasons":    {"Себептері", "Причины", "Reasons"},
	"basis":      {"Құқықтық негізі", "Правовое основание", "Legal ground"},
	"no_basis":   {"жоқ: хабарламаға рұқсат берілмеген", "нет: сообщение не разрешено", "none: the message was not allowed"},
	"trigger":    {"Неге жауап", "На что отвечает", "What it answers"},
	"policy":     {"Құпиялылық саясатының нұсқасы", "Версия политики конфиденциальности", "Privacy policy version"},
	"template":   {"Үлгінің нұсқасы", "Версия шаблона", "Template version"},
	"version":    {"нұсқа", "версия", "version"},
	"subject":    {"Хаттың тақырыбы", "Тема письма", "Subject"},
	"hash":       {"Мазмұнның SHA-256 хэші", "SHA-256 содержания", "SHA-256 of the content"},
	"status":     {"Күйі", "Состояние", "Status"},
	"created":    {"Қабылданған уақыты", "Принято в систему", "Taken in"},
	"sent":       {"Провайдерге тапсырылды", "Передано провайдеру", "Taken by the provider"},
	"sender":     {"Жіберуші", "Отправитель", "Sender"},
	"asked_by":   {"Кім тапсырды", "Кто поручил", "Asked for by"},
	"mode":       {"Кілттің түрі", "Режим ключа", "Mode of the key"},
	"earlier":    {"Бұрынғы хабарламалар", "Предыдущие сообщения", "Earlier messages"},

	"grant":      {"Келісім", "Согласие", "Consent"},
	"then":       {"Сол кездегі күйі", "Состояние на тот момент", "State then"},
	"agreed":     {"Келісім берілген уақыт", "Согласие дано", "Agreed on"},
	"until":      {"Қолданылу мерзімінің соңы", "Срок действия до", "Valid until"},
	"now":        {"Қазіргі күйі", "Состояние сейчас", "State now"},
	"since":      {"бастап", "с", "since"},
	"no_entries": {"Келісімдер журналында бұл мақсат пен арна туралы жазба жоқ.", "В журнале согласий нет записей об этой цели и канале.", "The consent ledger has no entry about this purpose and channel."},
	"no_grant":   {"Бұл хабарламаға жеке келісім қажет емес: ол басқа негізге сүйенеді.", "Отдельное согласие для этого сообщения не нужно: оно опирается на другое основание.", "This message needs no consent of its own: it stands on another ground."},
	"entry":      {"Журнал жазбасы", "Запись журнала", "Entry of the ledger"},
	"when":       {"Уақыты", "Время", "When"},
	"recorded":   {"жазылған уақыты", "записано", "written down"},
	"what":       {"Не болды", "Что произошло", "What happened"},
	"how":        {"Қалай келді", "Как получено", "How it came"},
	"who":        {"Кім", "Кто", "Who"},
	"proof":      {"Немен расталады", "Чем подтверждается", "What shows it"},
	"beside":     {"Жазба жанында сақталған мән", "Значение, хранящееся рядом с записью", "Value kept beside the entry"},
	"after":      {"Содан кейінгі күйі", "Состояние после", "State after"},

	"words":           {"Алушыға көрсетілген мәтін", "Слова, которые видел получатель", "The words that were shown"},
	"words_hash":      {"Мәтіннің хэші (журнал жазбасында)", "Хэш слов (в записи журнала)", "Hash of the words (in the entry)"},
	"words_fit":       {"Хэш жоғарыдағы мәтінге сәйкес келеді.", "Хэш соответствует словам выше.", "The hash is that of the words above."},
	"words_elsewhere": {"Мәтін басқа жерде көрсетілген: мұнда оның хэші ғана бар.", "Слова были показаны в другом месте: здесь есть только их хэш.", "The words were shown elsewhere: only their hash is here."},
	"words_unknown":   {"Қандай мәтін көрсетілгені жазылмаған.", "Не записано, какие слова были показаны.", "Nobody recorded which words were shown."},
	"published":       {"жарияланған", "опубликовано", "published"},

	"suppressions":    {"Мекенжайға салынған тыйымдар", "Запреты на отправку по адресу", "Suppressions of the address"},
	"no_suppressions": {"Тыйымның өзі енді сақталмайды.", "Сам запрет больше не хранится.", "The suppression itself is not kept any more."},
	"origin":          {"Кім немесе не салды", "Кем или чем создан", "Origin"},
	"lifted":          {"алынған", "снят", "lifted"},

	"attempts":    {"Жіберу әрекеттері және провайдердің жауаптары", "Попытки отправки и ответы провайдера", "Attempts, with the provider's answers"},
	"no_attempts": {"Провайдерге бірде-бір рет жүгінбедік: ештеңе жіберілген жоқ.", "К провайдеру не обращались: ничего не отправлено.", "No provider was called: nothing was sent."},
	"timeline":    {"Оқиғалар реті", "Ход событий", "Timeline"},
	"provider":    {"Провайдер", "Провайдер", "Provider"},
	"answer":      {"Жауабы", "Ответ", "Answer"},
	"no_answer":   {"жауап сақталмаған", "ответ не сохранён", "no answer is kept"},

	"check":       {"Мұны қалай тексеруге болады", "Как это проверить", "How to check this"},
	"check_file":  {"Дәл осы мәліметтер JSON файлында бар: PDF-ке тіркелген, ал бетте сілтеме арқылы жүктеледі.", "Те же сведения есть в файле JSON: он вложен в PDF, а на странице скачивается по ссылке.", "The same is in a JSON file: attached to the PDF, and behind the link on the page."},
	"check_key":   {"Ашық кілтті ұйымнан бөлек жолмен бір рет алыңыз және төмендегімен салыстырыңыз.", "Получите открытый ключ у организации один раз другим путём и сравните с указанным ниже.", "Take the public key from the organisation once, another way, and compare it with the one below."},
	"check_run":   {"Өз компьютеріңізде іске қосыңыз (дерекқор да, желі де қажет емес):", "Запустите на своём компьютере (не нужны ни база данных, ни сеть):", "Run on a machine of your own (it needs no database and no network):"},
	"check_shows": {"Бағдарлама құжаттың мөрін, журнал жазбаларының қол қойылған ағашта тұрғанын және мәтіннің хэшін тексереді. Бір ғана белгі өзгерсе, ол бас тартады.", "Программа проверяет печать документа, вхождение записей журнала в подписанное дерево и хэш слов. Если изменён хотя бы один знак, она откажет.", "It checks the seal of the document, that the entries stand in the signed tree, and the hash of the words. If a single character was changed, it refuses."},
	"check_none":  {"Бұл хабарлама келісімдер журналының жазбасына сүйенбейді, сондықтан тек мөр тексеріледі.", "Это сообщение не опирается на запись журнала согласий, поэтому проверяется только печать.", "This message rests on no entry of the consent ledger, so the seal alone is checked."},
	"key":         {"Ашық кілт", "Открытый ключ", "Public key"},
	"seal":        {"Құжаттың мөрі", "Печать документа", "Seal of the document"},
	"head":        {"Журналдың қол қойылған басы", "Подписанная вершина журнала", "Signed head of the ledger"},
	"way":         {"Жапырақтан түбірге дейінгі хэштер", "Хэши от листа до корня", "Hashes from the leaf to the root"},
	"leaf":        {"жапырақ", "лист", "leaf"},
	"tree":        {"ағаштағы жазбалар саны", "записей в дереве", "entries in the tree"},
	"unproved":    {"Журналға кіруін дәлелдеу мүмкін болмады", "Вхождение в журнал доказать не удалось", "It could not be proved that it stands in the ledger"},
	"download":    {"JSON файлын жүктеу", "Скачать файл JSON", "Download the JSON file"},
}
