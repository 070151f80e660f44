package public

// receiptWords are the texts of the receipt's page.
var receiptWords = map[string]text{
	"receipt_yes":      {"Келісіміңіздің түбіртегі", "Квитанция о вашем согласии", "Receipt of your consent"},
	"receipt_no":       {"Бас тартуыңыздың түбіртегі", "Квитанция о вашем отказе", "Receipt of your withdrawal"},
	"receipt_other":    {"Келісім жазбасының түбіртегі", "Квитанция о записи в реестре согласий", "Receipt of a consent entry"},
	"receipt_link":     {"Түбіртекті ашу", "Открыть квитанцию", "Open the receipt"},
	"receipt_number":   {"Түбіртек нөмірі", "Номер квитанции", "Receipt number"},
	"receipt_person":   {"Сіздің нөміріңіз", "Ваш номер", "Your number"},
	"receipt_bin":      {"БСН", "БИН", "BIN"},
	"receipt_until":    {"%s күніне дейін жарамды (бұл күн кірмейді).", "Действует до %s (не включая этот день).", "Good until %s (not including that day)."},
	"receipt_words":    {"Көрсетілген мәтін, %d-нұсқа:", "Показанный текст, версия %d:", "The words that were shown, version %d:"},
	"receipt_no_words": {"Көрсетілген мәтін бұл жүйеде жарияланбаған.", "Показанный текст в этой системе не опубликован.", "The words that were shown are not published in this system."},
	"receipt_nothing": {
		"Бұл жазба ешбір келісімді өзгерткен жоқ. Таңдауыңыз жазылып алынды.",
		"Эта запись не изменила ни одного согласия. Ваш выбор записан.",
		"This entry changed no consent. Your choice is written down.",
	},
	"receipt_history": {"Не болды", "Что произошло", "What happened"},
	"receipt_signed": {
		"Бұл түбіртектің электрондық қолтаңба қойылған файлы да бар: оны кейін біздің қатысуымызсыз тексеруге болады. Онда мекенжайыңыз жоқ.",
		"Эта квитанция есть и в виде файла с электронной подписью: её можно проверить позже и без нас. Вашего адреса в ней нет.",
		"This receipt also comes as a signed file, which can be checked later without us. Your address is not in it.",
	},
	"receipt_file": {"Қол қойылған файлды жүктеу (JSON)", "Скачать подписанный файл (JSON)", "Download the signed file (JSON)"},

	// What a consent text holds.
	"text_uses":       {"Не үшін", "Для чего", "What for"},
	"text_data":       {"Қандай деректер", "Какие данные", "What data"},
	"text_actions":    {"Олармен не істеледі", "Что с ними делают", "What is done with them"},
	"text_term":       {"Мерзімі", "Срок", "For how long"},
	"text_third":      {"Үшінші тұлғалар", "Третьи лица", "Third parties"},
	"text_abroad":     {"Шет елге беру", "Передача за границу", "Transfer abroad"},
	"text_open":       {"Жариялау", "Публикация", "Publication"},
	"text_withdrawal": {"Қалай қайтарып алуға болады", "Как отозвать", "How to take it back"},

	// What happened to a consent.
	"event_requested": {"Келісім сұралды", "Согласие запрошено", "Consent was asked for"},
	"event_granted":   {"Келісім берілді", "Согласие дано", "Consent was given"},
	"event_confirmed": {"Келісім расталды", "Согласие подтверждено", "Consent was confirmed"},
	"event_refused":   {"Бас тартылды", "Получен отказ", "Consent was refused"},
	"event_withdrawn": {"Келісім қайтарып алынды", "Согласие отозвано", "Consent was taken back"},
	"event_expired":   {"Келісім мерзімі аяқталды", "Срок согласия истёк", "Consent expired"},
	"event_lapsed":    {"Сұрау расталмай қалды", "Запрос не был подтверждён", "The request was not confirmed in time"},
	"event_stale":     {"Келісім мәтіні өзгерді", "Текст согласия изменился", "The text of the consent changed"},
	"event_renewed":   {"Келісім ұзартылды", "Согласие продлено", "Consent was renewed"},
	"event_imported":  {"Бұрын берілген келісім енгізілді", "Внесено согласие, данное ранее", "A consent given elsewhere was taken over"},
	"event_merged":    {"Екі жазба біріктірілді: келісім тек біреуінде болған", "Две записи объединены: согласие было только в одной", "Two records became one, and only one had the consent"},
	"event_paused":    {"Таратылымдар уақытша тоқтатылды", "Рассылки приостановлены", "Mailings were paused"},
	"event_resumed":   {"Үзіліс аяқталды", "Пауза закончена", "The pause was ended"},
	"event_policy":    {"Құпиялылық саясаты қабылданды", "Принята политика конфиденциальности", "The privacy policy was accepted"},
}
