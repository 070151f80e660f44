package public

// claimWords are the texts of the pages where somebody objects, or says that a message should not have come.
var claimWords = map[string]text{
	"object_link": {"Деректерімді пайдалануға қарсымын", "Возразить против использования моих данных", "Object to the use of my data"},
	"object_diff": {
		"«Барлығын тоқтату» таратылымдарды ғана тоқтатады; қарсылық қызмет туралы хабарламалар мен жауаптарды да тоқтатады, ал біз оған жазбаша жауап беруге міндеттіміз.",
		"«Остановить всё» прекращает рассылки; возражение прекращает и уведомления, и ответы, а мы обязаны письменно ответить на него.",
		"“Stop everything” ends mailings; an objection also ends notices and replies, and we have to answer it in writing.",
	},
	"report_link": {"Бұл хабарлама келмеуі керек еді: шағымдану", "Это сообщение не должно было прийти: пожаловаться", "This message should not have come: report it"},

	"claim_stops":   {"Бірден тоқтайды:", "Сразу прекращается:", "This stops at once:"},
	"claim_goes_on": {"Жалғасады:", "Продолжается:", "This goes on:"},
	"claim_text_hint": {
		"ЖСН мен құжат нөмірлерін жазбаңыз: мұндай мәтінді қабылдамаймыз.",
		"Не указывайте ИИН и номера документов: такой текст мы не принимаем.",
		"Leave out identity and document numbers: we do not take such a text.",
	},
	"claim_less": {
		"Хабарламаларды азайту ғана керек пе? Баптауларда әрқайсысын бөлек тоқтатуға болады:",
		"Нужно только меньше сообщений? В настройках можно остановить каждое отдельно:",
		"Only want fewer messages? The preferences stop them one by one:",
	},
	"lack_text_identifier": {
		"Мәтінде ЖСН немесе құжат нөмірі бар. Оны алып тастап, батырманы қайта басыңыз: әзірге ештеңе сақталған да, тоқтатылған да жоқ.",
		"В тексте есть ИИН или номер документа. Уберите его и нажмите кнопку ещё раз: пока ничего не сохранено и не остановлено.",
		"The text holds an identity or document number. Take it out and press the button again: nothing has been kept or stopped yet.",
	},
	"lack_text_long": {
		"Мәтін тым ұзын: 1000 таңбадан аспауы керек. Қысқартып, батырманы қайта басыңыз: әзірге ештеңе тоқтатылған жоқ.",
		"Текст длиннее 1000 знаков. Сократите его и нажмите кнопку ещё раз: пока ничего не остановлено.",
		"The text is longer than 1,000 characters. Shorten it and press the button again: nothing has been stopped yet.",
	},
	"claim_number": {"Өтініш нөмірі", "Номер обращения", "Number of your claim"},
	"claim_due":    {"Жауап беру мерзімі", "Ответим не позднее", "We answer by"},
	"claim_told": {
		"Нөмірі мен мерзімін сізге хабарламамен де жібереміз.",
		"Номер и срок мы пришлём вам и сообщением.",
		"We also send you the number and the date in a message.",
	},
	"claim_receipt_all": {"Барлық таратылым", "Все рассылки", "Every mailing"},
	"claim_receipts":    {"Түбіртектер", "Квитанции", "Receipts"},

	// /w/…/object
	"object_title": {"Деректеріңізді пайдалануға қарсылық", "Возражение против использования ваших данных", "Object to the use of your data"},
	"object_lead": {
		"Бір рет басу заң бойынша міндеттіден басқасының бәрін тоқтатады және біз жауап беруге тиіс талапты тіркейді.",
		"Одно нажатие прекращает всё, кроме обязательного по закону, и регистрирует претензию, на которую мы обязаны ответить.",
		"One press ends everything but what the law demands, and registers a claim that we have to answer.",
	},
	"object_stops_mailings": {"таратылымдар мен жарнама, барлық арнада", "рассылки и реклама по всем каналам", "mailings and advertising, on every channel"},
	"object_stops_service":  {"қызмет туралы хабарламалар", "уведомления об услугах", "notices about services"},
	"object_stops_replies": {
		"өтініштерге жауаптар, материалдар, іс-шара туралы хабарламалар: олар үшін деректеріңізді өңдеу керек, ал ол аяқталады",
		"ответы на обращения, материалы, сообщения о мероприятиях: для них нужна обработка ваших данных, а она прекращается",
		"replies, materials, messages about events: they need your data to be processed, and that ends",
	},
	"object_goes_law": {
		"заң талап ететін хабарламалар, соның ішінде осы қарсылыққа жауап",
		"то, чего требует закон, в том числе ответ на это возражение",
		"what the law demands, the answer to this objection among it",
	},
	"object_goes_codes": {"өзіңіз сұраған кіру кодтары", "коды входа, которые вы запросите сами", "sign-in codes that you ask for yourself"},
	"object_not": {
		"Деректеріңіз бұдан жойылмайды. Жойылғанын қаласаңыз, төменде жазыңыз.",
		"Данные при этом не удаляются. Если хотите, чтобы их удалили, напишите об этом ниже.",
		"It does not erase your data. If you want that, say so below.",
	},
	"object_text":       {"Не қосқыңыз келеді? (міндетті емес)", "Что хотите добавить? (необязательно)", "Anything to add? (optional)"},
	"object_button":     {"Қарсымын, бәрін тоқтатыңыз", "Возражаю, прекратите всё", "I object, stop it all"},
	"object_done_title": {"Қарсылығыңыз тіркелді", "Ваше возражение зарегистрировано", "Your objection is recorded"},
	"object_done": {
		"Сіз қарсылық білдірдіңіз: %s, сағат %s. Содан бері заң талап ететін хабарламалар мен өзіңіз сұраған кодтардан басқасы тоқтатылды.",
		"Вы возразили %s в %s. С этого момента прекращено всё, кроме обязательного по закону и кодов, которые вы запросите сами.",
		"You objected on %s at %s. Everything has stopped since then but what the law demands and codes that you ask for.",
	},

	// /w/…/report
	"report_title": {"Бұл хабарлама келмеуі керек еді", "Это сообщение не должно было прийти", "This message should not have come"},
	"report_lead": {
		"Келісім бермеген болсаңыз немесе мекенжайыңызды қайдан білгенімізді түсінбесеңіз, айтыңыз: тоқтатамыз, тексереміз және жауап береміз.",
		"Если вы не давали согласия или не понимаете, откуда у нас ваш адрес, скажите: мы остановим, проверим и ответим.",
		"If you never agreed, or do not know how we have your address, say so: we stop, look into it and answer.",
	},
	"report_stops_this":    {"дәл осы мақсаттағы хабарламалар", "сообщения с этой же целью", "messages for this same purpose"},
	"report_stops_address": {"осы мекенжайға барлық таратылым мен қызмет туралы хабарламалар", "все рассылки и уведомления об услугах на этот адрес", "every mailing and service notice to this address"},
	"report_text":          {"Не болды? (міндетті емес)", "Что случилось? (необязательно)", "What happened? (optional)"},
	"report_button":        {"Тоқтатып, тексеріңіз", "Остановить и проверить", "Stop it and look into it"},
	"report_done_title":    {"Шағымыңыз тіркелді", "Ваша жалоба зарегистрирована", "Your report is recorded"},
	"report_done": {
		"Сіз бұл туралы хабарладыңыз: %s, сағат %s. Содан бері мұндай хабарламалар тоқтатылды.",
		"Вы сообщили об этом %s в %s. С этого момента такие сообщения остановлены.",
		"You reported it on %s at %s. Such messages have been stopped since then.",
	},
	"report_done_fixed": {
		"Сіз бұл туралы хабарладыңыз: %s, сағат %s. Содан бері осы мекенжайға таратылымдар мен қызмет туралы хабарламалар тоқтатылды.",
		"Вы сообщили об этом %s в %s. С этого момента рассылки и уведомления об услугах на этот адрес остановлены.",
		"You reported it on %s at %s. Mailings and service notices to this address have been stopped since then.",
	},
}
