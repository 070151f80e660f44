package public

// proveWords are the texts of proving an address, and of what a proof opens on the preferences page.
var proveWords = map[string]text{
	"ask_title": {"Бірдеңені қосу немесе тарихты көру", "Включить что-то или увидеть историю", "Switch something on, or see your history"},
	"ask_lead": {
		"Алдымен мекенжай сіздікі екенін растаңыз: біз оған алты саннан тұратын код жібереміз.",
		"Сначала подтвердите, что адрес ваш: мы отправим на него код из шести цифр.",
		"First confirm that the address is yours: we send a code of six digits to it.",
	},
	"ask_ended": {
		"Растау аяқталған: ол 30 минут қана жарамды. Ештеңе өзгерген жоқ. Мекенжайды қайта растаңыз.",
		"Подтверждение больше не действует: оно годится 30 минут. Ничего не изменилось. Подтвердите адрес ещё раз.",
		"The confirmation does not hold any more: it lasts 30 minutes. Nothing was changed. Confirm the address again.",
	},
	"ask_none": {
		"Код жіберетін мекенжай жоқ. Бізге жазыңыз.",
		"Нет адреса, на который можно отправить код. Напишите нам.",
		"There is no address that a code could go to. Write to us.",
	},
	"ask_email":    {"Кодты электрондық поштама жіберу", "Отправить код на мою электронную почту", "Send a code to my email address"},
	"ask_email_to": {"Кодты мына поштаға жіберу: %s", "Отправить код на %s", "Send a code to %s"},
	"ask_sms":      {"Кодты телефоныма жіберу", "Отправить код на мой телефон", "Send a code to my phone"},
	"ask_sms_to":   {"Кодты мына телефонға жіберу: %s", "Отправить код на телефон %s", "Send a code to the phone %s"},

	// The page where the code is typed.
	"code_wrong_title": {"Код сәйкес келмеді", "Код не подошёл", "That code did not work"},
	"prove_email": {
		"Хаттағы алты санды енгізіңіз. Код 10 минут жарамды. Хат көрінбесе, «Спам» қалтасын қараңыз.",
		"Введите шесть цифр из письма. Код действует 10 минут. Если письма нет, загляните в папку «Спам».",
		"Type the six digits from the email. The code works for 10 minutes. If it is not there, look into the spam folder.",
	},
	"prove_sms": {
		"SMS арқылы келген алты санды енгізіңіз. Код 10 минут жарамды.",
		"Введите шесть цифр из SMS. Код действует 10 минут.",
		"Type the six digits that came by SMS. The code works for 10 minutes.",
	},
	"prove_label": {"Алты саннан тұратын код", "Код из шести цифр", "Code of six digits"},
	"prove_limits": {
		"Бір мекенжайға тәулігіне үш код жіберіледі; әрқайсысын бес рет енгізіп көруге болады.",
		"На один адрес отправляется не больше трёх кодов в сутки; на каждый код — пять попыток.",
		"An address gets three codes in 24 hours at most, and each can be tried five times.",
	},
	"prove_back": {"Кодсыз баптауларға оралу", "Вернуться к настройкам без кода", "Back to the preferences without a code"},

	// What a proof opens.
	"proved": {
		"Мекенжай расталды: %s. Растау сағат %s дейін жарамды.", "Адрес подтверждён: %s. Подтверждение действует до %s.",
		"Address confirmed: %s. This holds until %s.",
	},
	"proved_history": {"Тарихты көру", "Перейти к истории", "Go to your history"},
	"offers_title":   {"Нені алуға болады", "Что вы могли бы получать", "What you could receive"},
	"offers_lead": {
		"Батырманы баспайынша ештеңе қосылмайды. Әр басу — тек қасында жазылғанға берілген бір келісім.",
		"Ничего не включается, пока вы не нажмёте. Одно нажатие — одно согласие, только на то, что написано рядом.",
		"Nothing is switched on until you press. One press is one consent, to exactly what is written beside it.",
	},
	"offers_none": {
		"Бұл арнада басқа ұсынарымыз жоқ.", "По этому каналу предложить больше нечего.", "There is nothing more to offer on this channel.",
	},
	"offers_blocked": {
		"Сіз деректеріңізді өңдеуге келісіміңізді қайтарып алғансыз, сондықтан таратылым қосылмайды. Қайта бастау үшін бізге жазыңыз.",
		"Вы отозвали согласие на обработку ваших данных, поэтому рассылки включить нельзя. Чтобы начать снова, напишите нам.",
		"You took back the consent to the processing of your data, so no mailing can be switched on. To begin again, write to us.",
	},
	"offers_sms": {
		"SMS арқылы алу үшін телефон нөміріңізді растаңыз.", "Чтобы включить SMS, подтвердите номер телефона.",
		"To switch on SMS, confirm your phone number.",
	},
	"offers_email": {
		"Электрондық пошта арқылы алу үшін поштаңызды растаңыз.", "Чтобы включить электронную почту, подтвердите её адрес.",
		"To switch on email, confirm your email address.",
	},
	"agree":       {"Келісемін", "Согласиться", "I agree"},
	"agree_topic": {"Келісемін: %s", "Согласиться: %s", "I agree: %s"},
	"offer_changed": {
		"Бетті ашқаннан бері келісім мәтіні өзгерді, сондықтан ештеңе қосылған жоқ. Төменде жаңа мәтін: оқып, қайта шешіңіз.",
		"Пока страница была открыта, текст согласия изменился, поэтому ничего не включено. Ниже новый текст: прочтите и решите заново.",
		"The text of the consent changed while the page was open, so nothing was switched on. The new text is below: read it and decide again.",
	},
	"offer_pointless": {
		"Бұл мекенжайға жіберу тоқтатылған, сондықтан келісім жазылған жоқ. Бізге жазыңыз.",
		"Отправка на этот адрес остановлена, поэтому согласие не записано. Напишите нам.",
		"Sending to this address is stopped, so no consent was recorded. Write to us.",
	},
	"prefs_agreed":  {"Қосылды: %s (%s, сағат %s).", "Включено: %s (%s в %s).", "Switched on: %s (%s at %s)."},
	"prefs_resumed": {"Үзіліс аяқталды: таратылым қайта келеді.", "Пауза закончена: рассылки снова будут приходить.", "The pause has ended: mailings come again."},
	"resume_button": {"Үзілісті қазір аяқтау", "Закончить паузу сейчас", "End the pause now"},

	// The history.
	"history_title":    {"Тарих", "История", "Your history"},
	"history_entries":  {"Келісімдер мен бас тартулар", "Согласия и отказы", "Consents and withdrawals"},
	"history_messages": {"Сізге жіберілген хабарламалар", "Отправленные вам сообщения", "Messages to you"},
	"history_nothing":  {"Әзірге ештеңе жоқ.", "Пока ничего нет.", "Nothing yet."},
	"history_more": {
		"Ең соңғы жазбалар ғана көрсетілген. Барлығын бізден сұрай аласыз.", "Показаны только последние записи. Все данные можно запросить у нас.",
		"Only the newest are shown. You can ask us for everything.",
	},
	"history_shared": {
		"Бұл мекенжайды бірнеше адам пайдаланады, сондықтан тек осы мекенжайға қатысты тарих көрсетілген. Барлығын көру үшін өзіңізге ғана тиесілі мекенжайды растаңыз.",
		"Этим адресом пользуются несколько человек, поэтому показано только то, что касается этого адреса. Чтобы увидеть всё, подтвердите адрес, которым пользуетесь только вы.",
		"Several people use this address, so only what concerns this address is shown. To see everything, confirm an address that is yours alone.",
	},
	"about_processing": {"деректерді өңдеу", "обработка данных", "processing of data"},
	"about_channel":    {"арнадағы барлық таратылым", "все рассылки по каналу", "every mailing on the channel"},

	// The way an entry came in.
	"source_api":             {"Ұйымның жүйесі арқылы.", "Через систему организации.", "Through the organisation's system."},
	"source_preference_page": {"Осы баптаулар бетінде.", "На этой странице настроек.", "On this preferences page."},
	"source_confirm_link":    {"Растау сілтемесі арқылы.", "По ссылке для подтверждения.", "By a link to confirm."},
	"source_sign_up_form":    {"Жазылу нысанында.", "Через форму подписки.", "By a sign-up form."},
	"source_operator":        {"Қызметкеріміз енгізген.", "Внёс наш сотрудник.", "Entered by our staff."},
	"source_import":          {"Басқа жүйеден көшірілген.", "Перенесено из другой системы.", "Taken over from another system."},
	"source_one_click":       {"Хаттағы бас тарту батырмасымен.", "Кнопкой отписки в письме.", "By the unsubscribe button of an email."},
	"source_mailto":          {"Бас тарту хатымен.", "Письмом об отписке.", "By an unsubscribe email."},
	"source_sms_keyword":     {"SMS жауабымен.", "Ответным SMS.", "By an SMS in reply."},
	"source_complaint":       {"Спам туралы шағыммен.", "Жалобой на спам.", "By a spam complaint."},
	"source_merge":           {"Екі жазба біріктірілгенде.", "При объединении двух записей.", "When two records became one."},
	"source_system":          {"Жүйе жазған.", "Записано системой.", "Written by the system."},

	// How far a message is.
	"message_waits":         {"Жіберілуін күтуде", "Ждёт отправки", "Waits to be sent"},
	"message_sent":          {"Жіберілді", "Отправлено", "Sent"},
	"message_delivered":     {"Жеткізілді", "Доставлено", "Delivered"},
	"message_not_delivered": {"Жеткізілмеді", "Не доставлено", "Not delivered"},
	"message_not_sent":      {"Жіберілмеді", "Не отправлено", "Not sent"},
}
