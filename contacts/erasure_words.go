package contacts

import "github.com/orleu/elshi/vocab"

// words are one text in kk, ru and en.
type words struct{ kk, ru, en string }

func (w words) all() map[vocab.Language]string {
	return map[vocab.Language]string{vocab.Kazakh: w.kk, vocab.Russian: w.ru, vocab.English: w.en}
}

// erasedWords say what was deleted.
var erasedWords = map[ErasedKind]words{
	ErasedProfile: {
		"Аты-жөні, сыртқы нөмірі, тілі, уақыт белдеуі және атрибуттары",
		"Имя, внешний номер, язык, часовой пояс и атрибуты",
		"Name, external id, language, time zone and attributes",
	},
	ErasedAddresses: {
		"Электрондық пошта мекенжайлары мен телефон нөмірлері",
		"Адреса электронной почты и номера телефонов",
		"Email addresses and phone numbers",
	},
	ErasedEvidence: {
		"Келісімдер журналының қасында сақталған жеке мәндер (мысалы, IP-мекенжай, нысанның мәтіні)",
		"Личные значения рядом с журналом согласий (например, IP-адрес, текст формы)",
		"Personal values kept beside the consent ledger (such as an IP address or a form's text)",
	},
	ErasedPayloads: {
		"Хабарламалар жасалған деректер",
		"Данные, из которых составлены сообщения",
		"The data that messages were made from",
	},
	ErasedAttachments: {"Тіркелген файлдар", "Вложения", "Attachments"},
	ErasedDetails: {
		"Провайдерлердің жіберу әрекеттері туралы сөздері",
		"Слова провайдеров о попытках отправки",
		"What providers said about attempts to send",
	},
	ErasedReferences: {
		"Хабарламаларды сұраған жүйелердің өз нөмірлері",
		"Собственные номера систем, которые запрашивали сообщения",
		"Ids of their own that systems gave to the messages they asked for",
	},
	ErasedSuppressionNotes: {
		"Мекенжайларды бұғаттау туралы жазбалар",
		"Заметки к запретам на отправку",
		"Notes to suppressions of the addresses",
	},
	ErasedInbox: {
		"Сынақ жәшігіндегі көшірмелер",
		"Копии в проверочном почтовом ящике",
		"Copies in the catcher of test messages",
	},
}

// remainingWords say what was left, why, and on what ground in law.
var remainingWords = map[RemainingKind]struct{ what, why, ground words }{
	RemainingContact: {
		words{
			"Есімсіз жазба: ішкі нөмір және күндер",
			"Запись без имени: внутренний номер и даты",
			"A row without a name: the internal id and dates",
		},
		words{
			"Қалған жазбалар осы нөмірге сілтейді; ол арқылы адамды анықтау мүмкін емес.",
			"На этот номер ссылаются остальные записи; по нему нельзя узнать человека.",
			"What else remains refers to this id; it does not say who the person is.",
		},
		words{
			"«Дербес деректер және оларды қорғау туралы» 2013 жылғы 21 мамырдағы № 94-V Заң, 18-бап: жеке адамды анықтайтын деректер жойылды.",
			"Закон «О персональных данных и их защите» от 21 мая 2013 года № 94-V, статья 18: данные, определяющие человека, уничтожены.",
			"Law of 21 May 2013 No. 94-V on personal data and their protection, article 18: what identifies the person is destroyed.",
		},
	},
	RemainingConsents: {
		words{
			"Келісімдер журналының жазбалары: не үшін, қашан, қалай берілді немесе қайтарып алынды",
			"Записи журнала согласий: на что, когда и как дано или отозвано",
			"Entries of the consent ledger: what for, when and how consent was given or taken back",
		},
		words{
			"Келісім алынғанын және қайтарып алу орындалғанын дәлелдейді. Журнал тізбек түрінде: бір жазба жойылса, барлығының дәлелдік күші жоғалады.",
			"Доказывают, что согласие было получено, а отзыв исполнен. Журнал связан цепочкой: удаление одной записи лишило бы силы все.",
			"They prove that consent was obtained and that its withdrawal was honoured. The ledger is a chain: without one entry none would prove anything.",
		},
		words{
			"№ 94-V Заң, 8 және 25-баптар: келісім алынғанын дәлелдеу міндеті; Азаматтық кодекс, 178-бап: үш жылдық талап қою мерзімі.",
			"Закон № 94-V, статьи 8 и 25: обязанность доказать получение согласия; Гражданский кодекс, статья 178: трёхлетний срок исковой давности.",
			"Law No. 94-V, articles 8 and 25: the duty to prove that consent was obtained; Civil Code, article 178: claims may come for three years.",
		},
	},
	RemainingMessages: {
		words{
			"Хабарламалар туралы жазбалар: мақсаты, уақыты, шешімі, нәтижесі және себебінің нөмірі; мекенжайсыз және мазмұнсыз",
			"Записи о сообщениях: цель, время, решение, итог и номер основания; без адреса и содержания",
			"Rows of messages: purpose, times, decision, outcome and the id of what they answered; without address and content",
		},
		words{
			"Әр хабарламаның заңды негізде жіберілгенін немесе жіберілмегенін көрсетеді. Сақтау мерзімі өткенде жойылады.",
			"Показывают, что каждое сообщение было отправлено или не отправлено на законном основании. Удаляются по истечении срока хранения.",
			"They show that each message was sent, or not sent, on a lawful ground. They go when their time of retention is over.",
		},
		words{
			"№ 94-V Заң, 12 және 25-баптар; Азаматтық кодекс, 178-бап.",
			"Закон № 94-V, статьи 12 и 25; Гражданский кодекс, статья 178.",
			"Law No. 94-V, articles 12 and 25; Civil Code, article 178.",
		},
	},
	RemainingSuppressions: {
		words{
			"Мекенжайлардың құпия кілтпен есептелген хэштері",
			"Хэши адресов, вычисленные с секретным ключом",
			"Hashes of the addresses under a secret key",
		},
		words{
			"Мекенжай кейін тізіммен қайта келсе, оған ешкім жазбауы үшін. Хэштен мекенжайды қалпына келтіру мүмкін емес.",
			"Чтобы никто не написал на адрес, если он снова придёт со списком. Восстановить адрес по хэшу нельзя.",
			"So that nobody writes to the address when it comes back in a list. The address cannot be had from the hash.",
		},
		words{
			"№ 94-V Заң, 8 және 24-баптар: субъектінің қайтарып алуын орындау.",
			"Закон № 94-V, статьи 8 и 24: исполнение отзыва субъекта.",
			"Law No. 94-V, articles 8 and 24: honouring what the person demanded.",
		},
	},
	RemainingShared: {
		words{
			"Басқа адамдар да пайдаланатын мекенжайлар",
			"Адреса, которыми пользуются и другие люди",
			"Addresses that other people use as well",
		},
		words{
			"Олар осы жазбадан ажыратылды, бірақ басқа адамдардың мекенжайы болып қала береді.",
			"Они отделены от этой записи и остаются адресами других людей.",
			"They are no longer linked to this record and stay the addresses of the others.",
		},
		words{
			"№ 94-V Заң, 7-бап: басқа субъектілердің деректері.",
			"Закон № 94-V, статья 7: данные других субъектов.",
			"Law No. 94-V, article 7: data of other people.",
		},
	},
}
