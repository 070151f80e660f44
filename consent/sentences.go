package consent

// sentences are the reasons in words. A clerk reads them beside a message, so each says what is the case, not what the
// program did.
var sentences = map[Reason]text{
	OK: {
		"Жіберуге болады.",
		"Отправить можно.",
		"The message may be sent.",
	},
	PurposeUnregistered: {
		"Мұндай мақсат тізілімде жоқ, сондықтан хабарлама жіберілмейді.",
		"Такой цели нет в реестре, поэтому сообщение не отправляется.",
		"This purpose is not in the registry, so nothing is sent for it.",
	},
	ContactErased: {
		"Бұл адамның деректері жойылған.",
		"Данные этого человека удалены.",
		"This person's data have been erased.",
	},
	DataBlocked: {
		"Бұл адамның деректері заң бойынша бұғатталған.",
		"Данные этого человека заблокированы по закону.",
		"This person's data are blocked by law.",
	},
	ProcessingWithdrawn: {
		"Бұл адам деректерін өңдеуге берген келісімін кері қайтарып алған.",
		"Человек отозвал согласие на обработку своих данных.",
		"This person has withdrawn consent to the processing of their data.",
	},
	AddressMissing: {
		"Бұл арна үшін мекенжай немесе телефон нөмірі көрсетілмеген.",
		"Для этого канала не указан адрес или номер телефона.",
		"There is no address or phone number for this channel.",
	},
	AddressInvalid: {
		"Мекенжай немесе телефон нөмірі дұрыс емес.",
		"Адрес или номер телефона указан неверно.",
		"The address or phone number is not valid.",
	},
	SuppressedHardBounce: {
		"Бұл мекенжайға жіберілген хабарлама қайтып келген: мұндай жәшік немесе нөмір жоқ.",
		"Сообщение на этот адрес уже возвращалось: такого ящика или номера нет.",
		"An earlier message came back: there is no such mailbox or number.",
	},
	AddressReassigned: {
		"Алушы бұл нөмірді бергеннен кейін нөмір басқа адамға өткен.",
		"С тех пор как получатель указал этот номер, номер перешёл к другому человеку.",
		"The number has passed to somebody else since the recipient gave it.",
	},
	AddressUnverified: {
		"Алушы бұл мекенжай өзінікі екенін әлі растаған жоқ.",
		"Получатель ещё не подтвердил, что этот адрес принадлежит ему.",
		"The recipient has not yet confirmed that this address is theirs.",
	},
	SuppressedComplaint: {
		"Алушы осы мекенжайға келген хабарламаны спам деп белгілеген.",
		"Получатель пометил сообщение на этот адрес как спам.",
		"The recipient reported a message to this address as spam.",
	},
	ChannelStopped: {
		"Алушы осы арна арқылы келетін хабарламаларды тоқтатқан (мысалы, SMS-ке СТОП деп жауап берген).",
		"Получатель остановил сообщения по этому каналу (например, ответил СТОП на SMS).",
		"The recipient has stopped messages on this channel, for example by answering STOP to an SMS.",
	},
	UnsubscribedAll: {
		"Алушы барлық таратылымнан бас тартқан.",
		"Получатель отписался от всех рассылок.",
		"The recipient has unsubscribed from all mailings.",
	},
	ChannelStoppedUseOther: {
		"Алушы бұл арнаны тоқтатқан; хабарламаны басқа арна арқылы жіберіңіз.",
		"Получатель остановил этот канал; отправьте сообщение по другому каналу.",
		"The recipient has stopped this channel; send the message on another one.",
	},
	ComplainedUseOther: {
		"Алушы осы мекенжайға келген хабарламаға шағымданған; хабарламаны басқа арна арқылы жіберіңіз.",
		"Получатель жаловался на сообщение на этот адрес; отправьте сообщение по другому каналу.",
		"The recipient complained about a message to this address; send the message on another channel.",
	},
	SuppressedManual: {
		"Бұл мекенжайға хабарлама жіберуге тыйым салынған: қызметкер бұғаттаған немесе иесінің деректері өшірілген.",
		"Отправка на этот адрес запрещена: её запретил сотрудник или данные владельца удалены.",
		"This address is blocked: by a member of staff, or because its owner's data were erased.",
	},
	MinorNoGuardian: {
		"Алушы кәмелетке толмаған, ал ата-анасының немесе қамқоршысының келісімі жоқ.",
		"Получатель несовершеннолетний, а согласия родителя или опекуна нет.",
		"The recipient is a minor and no parent or guardian has consented.",
	},
	NoFreshRequest: {
		"Соңғы 10 минутта алушыдан сұрау түскен жоқ.",
		"За последние 10 минут запроса от получателя не было.",
		"The recipient has not asked for this within the last 10 minutes.",
	},
	NoTrigger: {
		"Хабарламаға себеп болған сұрау, тапсырыс немесе оқиға көрсетілмеген.",
		"Не указан запрос, заказ или событие, ради которого отправляется сообщение.",
		"The request, order or event that the message answers is not named.",
	},
	ServiceOptedOut: {
		"Алушы қызмет туралы хабарламалардан бас тартқан.",
		"Получатель отказался от сервисных сообщений.",
		"The recipient has opted out of service messages.",
	},
	NoConsent: {
		"Алушы осы мақсатқа келісім бермеген.",
		"Получатель не давал согласия на эту цель.",
		"The recipient has not consented to this purpose.",
	},
	ConsentPending: {
		"Алушы келісімін әлі растаған жоқ.",
		"Получатель ещё не подтвердил своё согласие.",
		"The recipient has not yet confirmed their consent.",
	},
	ConsentRefused: {
		"Алушы келісім беруден бас тартқан.",
		"Получатель отказался дать согласие.",
		"The recipient refused to consent.",
	},
	ConsentWithdrawn: {
		"Алушы келісімін кері қайтарып алған.",
		"Получатель отозвал своё согласие.",
		"The recipient has withdrawn their consent.",
	},
	ConsentExpired: {
		"Келісімнің қолданылу мерзімі өткен.",
		"Срок действия согласия истёк.",
		"The consent has expired.",
	},
	ConsentStale: {
		"Келісімнің мәтіні өзгерген, сондықтан келісімді қайта сұрау керек.",
		"Текст согласия изменился, поэтому согласие нужно запросить заново.",
		"The text of the consent has changed, so it must be asked for again.",
	},
	PartnerNotConsented: {
		"Алушы берген келісімде бұл серіктес аталмаған.",
		"В согласии получателя этот партнёр не назван.",
		"The recipient's consent does not name this partner.",
	},
	Duplicate: {
		"Дәл осындай хабарлама бұған дейін қабылданған.",
		"Точно такое же сообщение уже было принято.",
		"The very same message has already been accepted.",
	},
	MessageExpired: {
		"Хабарламаның мерзімі өткен немесе оны жіберуге болатын уақыт келгенше өтіп кетеді.",
		"Срок сообщения истёк или истечёт раньше, чем его можно будет отправить.",
		"The message is out of date, or will be before it may be sent.",
	},
	UnsubscribeMissing: {
		"Хабарламада таратылымнан бас тарту сілтемесі жоқ.",
		"В сообщении нет ссылки для отписки.",
		"The message has no way to unsubscribe.",
	},
	SenderUnregistered: {
		"SMS жіберушісінің аты тіркелмеген.",
		"Имя отправителя SMS не зарегистрировано.",
		"The SMS sender name is not registered.",
	},
	CrossBorderNotCovered: {
		"Хабарлама тек шетел арқылы жіберіле алады, ал келісім деректерді шетелге беруге рұқсат етпейді.",
		"Отправить можно только через другую страну, а согласие не разрешает передавать данные за границу.",
		"Only a route abroad is available, and the consent does not cover sending data abroad.",
	},
	LocaleUnapproved: {
		"Хабарламаның осы тілдегі нұсқасы бекітілмеген.",
		"Версия сообщения на этом языке не утверждена.",
		"The version of the message in this language is not approved.",
	},
	ForbiddenIdentifier: {
		"Хабарламада ЖСН, құжат нөмірі немесе үй мекенжайы бар, ал оларды жіберуге болмайды.",
		"В сообщении есть ИИН, номер документа или домашний адрес, а отправлять их нельзя.",
		"The message holds an IIN, a document number or a home address, which must not be sent.",
	},
	NotOnGuestList: {
		"Бұл API кілті рұқсат етілген тізімдегі адамдарға ғана жаза алады, ал алушы ол тізімде жоқ.",
		"Этот ключ API может писать только людям из разрешённого списка, а получателя в нём нет.",
		"This API key may write only to its guest list, and the recipient is not on it.",
	},
	QuietHours: {
		"Қазір тыныштық уақыты; хабарлама ол аяқталған соң жіберіледі.",
		"Сейчас время тишины; сообщение уйдёт, когда оно закончится.",
		"These are quiet hours; the message goes out when they end.",
	},
	FrequencyCap: {
		"Соңғы күндері алушыға рұқсат етілгеннің ең көбі жіберілген; бұл хабарлама кейінірек жіберіледі.",
		"За последние дни получателю отправлено столько рассылок, сколько разрешено; это сообщение уйдёт позже.",
		"The recipient has had as many mailings as are allowed for now; this one goes out later.",
	},
	ContactPaused: {
		"Алушы таратылымдарды уақытша тоқтатып қойған; үзіліс аяқталған соң хабарлама қайта тексеріледі.",
		"Получатель приостановил рассылки на время; когда пауза закончится, сообщение проверят снова.",
		"The recipient has paused mailings for a while; the message is decided again when the pause ends.",
	},
	RateLimit: {
		"Жіберу жылдамдығы шегіне жетті; хабарлама кезегін күтіп тұр.",
		"Достигнут предел скорости отправки; сообщение ждёт своей очереди.",
		"The sending rate has reached its limit; the message waits its turn.",
	},
	CampaignPaused: {
		"Науқан уақытша тоқтатылған.",
		"Кампания приостановлена.",
		"The campaign is paused.",
	},
	ProviderPaused: {
		"Хабарламаларды жеткізетін провайдер уақытша тоқтатылған.",
		"Провайдер, который доставляет сообщения, приостановлен.",
		"The provider that carries the message is paused.",
	},
	ConsentUnavailable: {
		"Келісімді тексеру мүмкін болмады, сондықтан хабарлама әзірге жіберілмейді.",
		"Проверить согласие не удалось, поэтому сообщение пока не отправляется.",
		"The consent could not be checked, so the message is not sent for now.",
	},
	BudgetExceeded: {
		"Хабарламаларға бөлінген қаражат таусылған.",
		"Бюджет на сообщения исчерпан.",
		"The budget for messages is used up.",
	},
}
