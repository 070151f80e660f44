package public

// words are the texts of the contacts' pages, by the page that needs them. Each is read by people who did not ask for software:
// plain words, what happens and what does not. inboxWords has those of the catcher.
var words = merge(inboxWords, receiptWords, keepWords, signUpWords, claimWords, proveWords, map[string]text{
	"channel_email": {"Электрондық пошта", "Электронная почта", "Email"},
	"language":      {"Тіл", "Язык", "Language"},
	"purpose":       {"Мақсаты", "Цель", "Purpose"},
	"channel":       {"Арна", "Канал", "Channel"},
	"recipient":     {"Алушы", "Получатель", "Recipient"},
	"preferences":   {"Барлық хабарламаларды баптау", "Настроить все сообщения", "All message preferences"},
	"shared": {
		"Бұл мекенжайды бірнеше адам пайдаланады: хабарламалар олардың барлығы үшін тоқтайды.",
		"Этим адресом пользуются несколько человек: сообщения прекратятся для всех.",
		"Several people use this address: the messages stop for all of them.",
	},

	// /u before and after the press.
	"stop_title":  {"Бұл хабарламаларды тоқтату керек пе?", "Остановить эти сообщения?", "Stop these messages?"},
	"stop_button": {"Хабарламаларды тоқтату", "Остановить сообщения", "Stop the messages"},
	"stop_effect": {
		"Бір рет басу жеткілікті: кірудің де, растаудың да қажеті жоқ.",
		"Достаточно одного нажатия: входить или подтверждать не нужно.",
		"One press is enough: no sign-in, no confirmation.",
	},
	"already": {
		"Сіз бұл хабарламаларды тоқтатқансыз: %s, сағат %s.",
		"Вы уже остановили эти сообщения %s в %s.",
		"You stopped these messages on %s at %s.",
	},
	"already_title": {"Бұл хабарламалар тоқтатылған", "Эти сообщения уже остановлены", "These messages are already stopped"},
	"stopped_title": {"Тоқтатылды", "Остановлено", "Stopped"},
	"stopped": {
		"Сіз бұл хабарламаларды тоқтаттыңыз: %s, сағат %s.",
		"Вы остановили эти сообщения %s в %s.",
		"You stopped these messages on %s at %s.",
	},
	"stopped_wrong": {
		"Қателесіп басып қойдыңыз ба? Қайта келісім беру үшін ұйымның сайтында жазылыңыз немесе бізге жазыңыз.",
		"Нажали по ошибке? Чтобы снова получать сообщения, подпишитесь на сайте организации или напишите нам.",
		"Pressed by mistake? To receive them again, sign up on the organisation's site or write to us.",
	},

	// /u for messages that a contact cannot end.
	"fixed_title": {"Бұл хабарламаларды тоқтатуға болмайды", "Эти сообщения остановить нельзя", "These messages cannot be stopped"},
	"fixed_legal": {
		"Мұндай хабарлама жіберуге ұйымды заң және құпиялылық саясаты міндеттейді.",
		"Отправлять такие сообщения организацию обязывают закон и политика конфиденциальности.",
		"The law and the privacy policy oblige the organisation to send such messages.",
	},
	"fixed_breach": {
		"Дербес деректердің таралып кетуі туралы ұйым заң бойынша хабарлауға міндетті.",
		"Об утечке персональных данных организация обязана сообщать по закону.",
		"The law obliges the organisation to tell you about a breach of personal data.",
	},
	"fixed_security": {
		"Мұндай хабарламалар тіркелгіңізді қорғайды: кіру кодтары және қауіпсіздік туралы ескертулер.",
		"Такие сообщения защищают вашу учётную запись: коды входа и предупреждения о безопасности.",
		"Such messages protect your account: sign-in codes and security alerts.",
	},
	"fixed_transactional": {
		"Мұндай хабарлама — өтінішіңізге, тапсырысыңызға немесе іс-шараға қатысуыңызға жауап.",
		"Такое сообщение — ответ на ваше обращение, заявку или участие в мероприятии.",
		"Such a message answers something you asked for, ordered or take part in.",
	},
	"fixed_else": {
		"Таратылымдарды және қызмет туралы хабарламаларды баптаулар бетінде тоқтата аласыз.",
		"Рассылки и уведомления об услугах можно остановить на странице настроек.",
		"You can stop mailings and service notices on the preferences page.",
	},

	// /p
	"prefs_title": {"Хабарламалар баптауы", "Настройки сообщений", "Message preferences"},
	"prefs_lead": {
		"Мұнда қандай хабарламалар алатыныңыз көрсетілген. Керек емесін тоқтата аласыз.",
		"Здесь показано, какие сообщения вы получаете. Ненужные можно остановить.",
		"These are the messages you receive. Stop those you do not want.",
	},
	"prefs_shared": {
		"Бұл мекенжайды бірнеше адам пайдаланады, ал бұл баптаулар олардың біріне ғана қатысты. Хатты барлығы үшін тоқтату керек болса, сол хаттағы бас тарту сілтемесін басыңыз.",
		"Этим адресом пользуются несколько человек, а эти настройки касаются одного из них. Чтобы письма прекратились для всех, нажмите ссылку отписки в самом письме.",
		"Several people use this address, and these preferences are one person's. To stop a message for all of them, use the unsubscribe link in the message itself.",
	},
	"prefs_list":  {"Сіз алатын хабарламалар", "Что вы получаете", "What you receive"},
	"prefs_ended": {"Келмейтін хабарламалар", "Что не приходит", "What does not come"},
	"prefs_none":  {"Қазір тоқтататын ештеңе жоқ.", "Сейчас останавливать нечего.", "There is nothing to stop right now."},
	"prefs_all_stopped": {
		"Сіз барлық таратылымды тоқтатқансыз.",
		"Вы остановили все рассылки.",
		"You have stopped every mailing.",
	},
	"prefs_stopped": {
		"Тоқтатылды: %s (%s, сағат %s).",
		"Остановлено: %s (%s в %s).",
		"Stopped: %s (%s at %s).",
	},
	"everything":     {"барлық таратылым", "все рассылки", "every mailing"},
	"stop":           {"Тоқтату", "Остановить", "Stop"},
	"prefs_partners": {"Серіктестер атынан", "От имени партнёров", "On behalf of partners"},
	"prefs_paused":   {"Таратылымдар %s дейін тоқтатылды.", "Рассылки приостановлены до %s.", "Mailings are paused until %s."},
	"pause_title":    {"30 күнге үзіліс", "Пауза на 30 дней", "Pause for 30 days"},
	"pause_effect": {
		"30 күн бойы таратылым келмейді, содан кейін бәрі бұрынғыдай болады. Келісімдеріңіз сақталады.",
		"30 дней рассылки приходить не будут, потом всё станет как прежде. Ваши согласия сохранятся.",
		"No mailings for 30 days, then everything is as before. Your consents stay.",
	},
	"pause_button": {"Үзіліс жасау", "Приостановить", "Pause"},
	"pause_ends":   {"Содан кейін бәрі бұрынғыдай болады.", "Потом всё станет как прежде.", "Then everything is as before."},
	"all_title":    {"Барлық таратылымды тоқтату", "Остановить все рассылки", "Stop every mailing"},
	"all_effect": {
		"Барлық арнадағы барлық таратылым бірден тоқтайды. Қауіпсіздік туралы хабарламалар, өтініштеріңізге жауаптар және заң талап ететін хабарламалар келе береді; қызмет туралы хабарламаларды жоғарыда бөлек тоқтатуға болады.",
		"Сразу прекратятся все рассылки по всем каналам. Сообщения о безопасности, ответы на ваши обращения и то, чего требует закон, будут приходить; уведомления об услугах останавливаются отдельно, выше.",
		"Ends every mailing on every channel at once. Security messages, answers to your requests and what the law requires will still come; service notices are stopped one by one, above.",
	},
	"all_button": {"Барлығын тоқтату", "Остановить всё", "Stop everything"},
	"again": {
		"Бұл бетте тек тоқтатуға болады. Қайта келісім беру үшін ұйымның сайтында жазылыңыз немесе бізге жазыңыз.",
		"На этой странице можно только остановить. Чтобы согласиться снова, подпишитесь на сайте организации или напишите нам.",
		"This page can only stop messages. To agree again, sign up on the organisation's site or write to us.",
	},
	"state_granted":   {"Келісім берілген күн: %s", "Вы согласились %s", "You agreed on %s"},
	"state_until":     {"%s күніне дейін жарамды", "действует до %s", "valid until %s"},
	"state_pending":   {"Растауыңызды күтіп тұр", "Ждёт вашего подтверждения", "Waits for your confirmation"},
	"state_default":   {"Қызметті пайдаланғандықтан келеді", "Приходит, потому что вы пользуетесь услугой", "Comes because you use the service"},
	"state_withdrawn": {"Тоқтатылған күні: %s", "Остановлено %s", "Stopped on %s"},
	"state_refused":   {"Бас тартқан күніңіз: %s", "Вы отказались %s", "You said no on %s"},
	"state_expired":   {"Келісім мерзімі аяқталған: %s", "Срок согласия истёк %s", "Your consent expired on %s"},
	"state_stale":     {"Келісім мәтіні өзгерген", "Текст согласия изменился", "The text you agreed to has changed"},
	"state_lapsed":    {"Келісім расталмаған", "Согласие не подтверждено", "Not confirmed in time"},

	// /w
	"why_title":  {"Бұл хабарлама маған неге келді?", "Почему мне пришло это сообщение?", "Why did I get this?"},
	"why_org":    {"Жіберуші ұйым", "Отправитель", "Organisation"},
	"why_sent":   {"Жіберілген уақыты", "Отправлено", "Sent"},
	"why_unsent": {"Әлі жіберілген жоқ", "Ещё не отправлено", "Not sent yet"},
	"why_clause": {"Саясат тармағы", "Пункт политики", "Policy clause"},
	"why_policy": {"Құпиялылық саясатының нұсқасы", "Версия политики конфиденциальности", "Privacy policy version"},
	"when":       {"%s, сағат %s", "%s в %s", "%s at %s"},
	"basis_consent": {
		"Сіз дәл осы мақсатқа және осы арнаға келісім бердіңіз.",
		"Вы дали согласие именно на эту цель и этот канал.",
		"You agreed to exactly this purpose on this channel.",
	},
	"basis_given":         {"Келісім берілген күн: %s.", "Согласие дано %s.", "You agreed on %s."},
	"why_words":           {"Сіз келіскен мәтін:", "Текст, с которым вы согласились:", "The words you agreed to:"},
	"proof_double_opt_in": {"Сіз оны хаттағы сілтеме арқылы растадыңыз.", "Вы подтвердили его по ссылке из письма.", "You confirmed it by the link in an email."},
	"proof_one_time_code": {"Сіз оны біз жіберген кодпен растадыңыз.", "Вы подтвердили его кодом, который мы отправили.", "You confirmed it by a code that we sent."},
	"proof_signed_form":   {"Сіз қағаз нысанға қол қойдыңыз.", "Вы подписали бумажную форму.", "You signed a paper form."},
	"proof_operator_note": {"Оны қызметкеріміз сіздің сөзіңізден жазды.", "Его записал наш сотрудник с ваших слов.", "Our staff wrote it down from your words."},
	"proof_renewal_link":  {"Сіз оны кейін ұзарттыңыз.", "Позже вы его продлили.", "You renewed it later."},
	"basis_withdrawn":     {"Кейін оны қайтарып алдыңыз: %s.", "Позже вы его отозвали: %s.", "You have since taken it back: %s."},
	"basis_contact_request": {
		"Бұл — өтінішіңізге, тапсырысыңызға немесе әрекетіңізге жауап.",
		"Это ответ на ваше обращение, заявку или действие.",
		"It answers something you asked for or did.",
	},
	"basis_service": {
		"Бұл сіз пайдаланатын қызметке қатысты. Мұндай хабарламалардан бас тартуға болады.",
		"Это касается услуги, которой вы пользуетесь. От таких сообщений можно отказаться.",
		"It is about a service you use. You may opt out of such messages.",
	},
	"basis_legal_obligation": {
		"Ұйым мұны заң және құпиялылық саясаты бойынша хабарлауға міндетті.",
		"Организация обязана сообщить об этом по закону и политике конфиденциальности.",
		"The law and the privacy policy oblige the organisation to tell you.",
	},
	"basis_none": {
		"Негізі жазылмаған: хабарлама жіберілмеген.",
		"Основание не записано: сообщение не отправлялось.",
		"No ground is recorded: the message was not sent.",
	},

	// /
	"home_title": {"Хабарламалар диспетчері", "Диспетчер сообщений", "Message dispatcher"},
	"home_lead": {
		"Elshi ұйымның хабарламаларын электрондық поштамен және SMS арқылы жібереді әрі әрқайсысының қандай негізде жіберілгенін дәлелдей алады.",
		"Elshi отправляет сообщения организации по электронной почте и SMS и может доказать, на каком основании отправлено каждое.",
		"Elshi sends an organisation's messages by email and SMS, and can prove for each one that it was allowed to.",
	},
	"home_inbox": {
		"Жіберілгеннің бәрі осында түседі, ешкімге жетпейді",
		"Сюда попадает всё отправленное, до людей оно не доходит",
		"Everything sent ends here and reaches nobody",
	},
	"home_docs":    {"API құжаттамасы", "Документация API", "API documentation"},
	"home_docs_is": {"Әр сұраудың сипаттамасы мен мысалы", "Описание и пример каждого запроса", "Every request, described and with an example"},
	"home_openapi": {"OpenAPI сипаттамасы", "Описание OpenAPI", "OpenAPI description"},
	"home_openapi_is": {
		"Клиент кодын жасауға арналған файл", "Файл, из которого собирают клиент", "The file that clients are generated from",
	},
	"home_health":    {"Жүйенің күйі", "Состояние системы", "System health"},
	"home_health_is": {"База, кезек және арналар қалай жұмыс істеп тұр", "Как работают база, очередь и каналы", "How the database, the queue and the channels are"},

	// Problems.
	"e400_title": {"Сұрау түсініксіз", "Запрос не понят", "The request was not understood"},
	"e400_text": {
		"Ештеңе өзгерген жоқ. Алдыңғы бетке оралып, батырманы қайта басыңыз.",
		"Ничего не изменилось. Вернитесь на предыдущую страницу и нажмите кнопку ещё раз.",
		"Nothing was changed. Go back and press the button again.",
	},
	"e403_title": {"Сұрау қабылданбады", "Запрос отклонён", "The request was refused"},
	"e403_text": {
		"Ол басқа сайттан келді, сондықтан ештеңе өзгерген жоқ. Бетті хабарламадағы сілтеме арқылы ашыңыз.",
		"Он пришёл с другого сайта, поэтому ничего не изменилось. Откройте страницу по ссылке из сообщения.",
		"It came from another site, so nothing was changed. Open the page by the link in your message.",
	},
	"e404_title": {"Мұндай бет жоқ", "Такой страницы нет", "There is no such page"},
	"e404_text": {
		"Сілтеме толық емес немесе ескірген. Ең соңғы хабарламадағы сілтемені пайдаланыңыз.",
		"Ссылка неполная или устарела. Воспользуйтесь ссылкой из последнего сообщения.",
		"The link is incomplete or out of date. Use the one in your newest message.",
	},
	"e405_title": {"Бұл бетте мұндай әрекет жоқ", "Эта страница так не умеет", "This page does not do that"},
	"e405_text":  {"Ештеңе өзгерген жоқ.", "Ничего не изменилось.", "Nothing was changed."},
	"e500_title": {"Қате біздің тарапта", "Ошибка на нашей стороне", "The mistake is ours"},
	"e503_title": {"Қазір қолжетімсіз", "Сейчас недоступно", "Not available right now"},
	"e503_text": {
		"Бір минуттан кейін қайталап көріңіз; батырманы қайта басқаннан зиян жоқ.",
		"Повторите попытку через минуту; повторное нажатие не повредит.",
		"Try again in a minute; pressing the button twice does no harm.",
	},
})

// plurals are the texts about numbers.
var plurals = map[string]plural{
	"withdrawn": {
		"Жіберілуін күтіп тұрған %d хабарлама кері қайтарылды.",
		[3]string{
			"Отозвано %d сообщение, ожидавшее отправки.", "Отозвано %d сообщения, ожидавших отправки.",
			"Отозвано %d сообщений, ожидавших отправки.",
		},
		[2]string{"%d waiting message was withdrawn.", "%d waiting messages were withdrawn."},
	},
	"on_their_way": {
		"%d хабарлама жіберіліп қойған, ол әлі келуі мүмкін.",
		[3]string{
			"%d сообщение уже в пути и ещё может прийти.", "%d сообщения уже в пути и ещё могут прийти.",
			"%d сообщений уже в пути и ещё могут прийти.",
		},
		[2]string{"%d message was already on its way and may still arrive.", "%d messages were already on their way and may still arrive."},
	},
	"caught_count": {
		"%d хабарлама",
		[3]string{"%d сообщение", "%d сообщения", "%d сообщений"},
		[2]string{"%d message", "%d messages"},
	},
	"segments": {
		"%d бөлік",
		[3]string{"%d часть", "%d части", "%d частей"},
		[2]string{"%d segment", "%d segments"},
	},
	"bytes": {
		"%d байт",
		[3]string{"%d байт", "%d байта", "%d байт"},
		[2]string{"%d byte", "%d bytes"},
	},
	"characters": {
		"%d таңба",
		[3]string{"%d знак", "%d знака", "%d знаков"},
		[2]string{"%d character", "%d characters"},
	},
}
