package public

// signUpWords are the texts of the pages where people sign up and confirm.
var signUpWords = map[string]text{
	"consent_full": {"Келісімнің толық мәтіні", "Полный текст согласия", "The full text of the consent"},

	// /c
	"confirm_title": {"Жазылуды растайсыз ба?", "Подтвердить подписку?", "Confirm your sign-up?"},
	"confirm_lead": {
		"Батырманы бассаңыз, мынаған келісім бересіз:",
		"Нажав кнопку, вы соглашаетесь на следующее:",
		"By pressing the button you agree to this:",
	},
	"confirm_button": {"Растаймын", "Подтвердить", "Confirm"},
	"confirm_not_you": {
		"Жазылмаған болсаңыз, бұл бетті жаба салыңыз: ештеңе жіберілмейді.",
		"Если вы не подписывались, просто закройте страницу: ничего приходить не будет.",
		"If you did not sign up, just close this page: nothing will be sent.",
	},
	"confirmed_title": {"Расталды", "Подтверждено", "Confirmed"},
	"confirmed":       {"Сіз растадыңыз: %s, сағат %s.", "Вы подтвердили это %s в %s.", "You confirmed this on %s at %s."},
	"confirmed_stop": {
		"Кез келген уақытта бас тарта аласыз: сілтеме әр хабарламада болады.",
		"Отказаться можно в любой момент: ссылка есть в каждом сообщении.",
		"You can stop at any time: every message has a link for it.",
	},
	"gone_title": {"Бұл сілтеме жұмыс істемейді", "Эта ссылка не действует", "This link does not work"},
	"gone_text": {
		"Сілтеме 72 сағат қана жарамды; ол ескірген немесе толық емес болуы мүмкін. Жаңасын сұрай аласыз.",
		"Ссылка действует 72 часа; возможно, она устарела или скопирована не полностью. Можно запросить новую.",
		"A link works for 72 hours; this one may be too old or incomplete. You can ask for a new one.",
	},
	"gone_again":  {"Жаңа хабарлама сұрау", "Запросить новое сообщение", "Ask for a new message"},
	"again_title": {"Сұрауыңыз қабылданды", "Запрос принят", "Your request was taken"},
	"again_text": {
		"Расталмаған жазылуыңыз болса, жаңа хабарлама жіберілді. Ол бірнеше минутта келеді.",
		"Если есть неподтверждённая подписка, мы отправили новое сообщение. Оно придёт в течение нескольких минут.",
		"If there is a sign-up to confirm, a new message is on its way. It comes within a few minutes.",
	},
	"code_title": {"Кодты енгізіңіз", "Введите код", "Enter the code"},
	"code_lead": {
		"SMS арқылы келген алты цифрды енгізіңіз. Код 10 минут жарамды.",
		"Введите шесть цифр из SMS. Код действует 10 минут.",
		"Type the six digits that came by SMS. The code works for 10 minutes.",
	},
	"code_label":  {"SMS коды", "Код из SMS", "Code from the SMS"},
	"code_button": {"Растау", "Подтвердить", "Confirm"},
	"code_again":  {"Жаңа код сұрау", "Запросить новый код", "Ask for a new code"},
	"code_wrong": {
		"Код дұрыс емес немесе енді жарамсыз. Тексеріп көріңіз немесе жаңасын сұраңыз.",
		"Код неверный или больше не действует. Проверьте его или запросите новый.",
		"The code is not right, or does not work any more. Check it, or ask for a new one.",
	},

	// /forms
	"form_boxes":  {"Қандай хабарламаларды алғыңыз келеді?", "Какие сообщения вы хотите получать?", "Which messages would you like to receive?"},
	"form_email":  {"Электрондық пошта мекенжайы", "Адрес электронной почты", "Email address"},
	"form_phone":  {"Телефон нөмірі", "Номер телефона", "Phone number"},
	"form_name":   {"Атыңыз (міндетті емес)", "Имя (необязательно)", "Name (optional)"},
	"form_trap":   {"Мұны бос қалдырыңыз", "Оставьте это поле пустым", "Leave this field empty"},
	"form_button": {"Жазылу", "Подписаться", "Sign up"},
	"form_next": {
		"Келесі қадамда мекенжайыңызды растайсыз; оған дейін ештеңе жіберілмейді.",
		"Следующим шагом вы подтвердите адрес; до этого ничего приходить не будет.",
		"The next step is to confirm your address; until then nothing is sent.",
	},
	"form_review": {
		"Тағы бір қадам: белгілегеніңізді тексеріп, батырманы басыңыз.",
		"Ещё один шаг: проверьте, что отмечено, и нажмите кнопку.",
		"One more step: check what is ticked, and press the button.",
	},
	"form_stale": {
		"Бет тым ұзақ ашық тұрды немесе мәтін өзгерді. Белгілегеніңізді тексеріп, батырманы қайта басыңыз.",
		"Страница была открыта слишком долго, или текст изменился. Проверьте, что отмечено, и нажмите кнопку ещё раз.",
		"The page was open for too long, or a text has changed. Check what is ticked, and press the button again.",
	},
	"lack_tick":  {"Кемінде біреуін белгілеңіз.", "Отметьте хотя бы один пункт.", "Tick at least one box."},
	"lack_email": {"Электрондық пошта мекенжайын толық жазыңыз: aty@example.kz.", "Напишите адрес электронной почты полностью: imya@example.kz.", "Write the email address in full: name@example.kz."},
	"lack_phone": {"Ұялы телефон нөмірін толық жазыңыз: +7 701 234 56 78.", "Напишите номер мобильного телефона полностью: +7 701 234 56 78.", "Write the mobile number in full: +7 701 234 56 78."},
	"lack_name":  {"Атыңызды бір жолға, құжат нөмірлерін көрсетпей жазыңыз.", "Напишите имя одной строкой, без номеров документов.", "Write the name on one line, without document numbers."},

	// /
	"home_form": {"Жазылу формасы", "Форма подписки", "A sign-up form"},
	"home_form_is": {
		"Алдын ала ештеңе белгіленбеген, растауды сұрайды", "Без заранее отмеченных пунктов, с подтверждением", "Nothing is ticked, and it asks to confirm",
	},

	"asked_title": {"Енді растау ғана қалды", "Осталось подтвердить", "One thing left: confirm"},
	"asked_email": {
		"Біз хат жібердік. Ондағы сілтемені ашып, батырманы басыңыз.",
		"Мы отправили письмо. Откройте ссылку из него и нажмите кнопку.",
		"We have sent an email. Open its link and press the button.",
	},
	"asked_not_there": {
		"Хат бірнеше минутта келмесе, «Спам» қалтасын қараңыз.",
		"Если письма нет через несколько минут, загляните в папку «Спам».",
		"If it is not there in a few minutes, look into the spam folder.",
	},
	"asked_sms": {
		"Біз SMS жібердік. Ондағы алты цифрды осы жерге енгізіңіз; код 10 минут жарамды.",
		"Мы отправили SMS. Введите здесь шесть цифр из него; код действует 10 минут.",
		"We have sent an SMS. Type its six digits here; the code works for 10 minutes.",
	},
}
