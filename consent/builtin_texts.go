package consent

import (
	"fmt"

	"github.com/orleu/elshi/vocab"
)

// Operator is who a consent is given to, as the law wants the text to name them.
type Operator struct {
	Name          map[vocab.Language]string
	BIN           string // 12 digits
	PolicyVersion string
	ValidMonths   int // how long a grant lasts, in calendar months. If zero, DefaultValidMonths
}

// BuiltinTexts returns drafts of consent texts for every shipped marketing purpose by email and by SMS, in kk, ru and en. They say what Elshi
// itself does with the data: it keeps them, and gives them to whoever carries the messages inside the country. An organisation that does
// anything else writes texts of its own.
func BuiltinTexts(o Operator) []Text {
	if o.ValidMonths == 0 {
		o.ValidMonths = DefaultValidMonths
	}
	yes, no := true, false
	var all []Text
	for _, purpose := range shipped() {
		words, written := builtinWords[purpose.ID]
		if !written {
			continue
		}
		for _, channel := range vocab.Channels() {
			t := Text{ // carriers are third parties
				Purpose: purpose.ID, Channel: channel, BIN: o.BIN, ThirdParties: &yes, CrossBorder: &no, OpenSources: &no,
				PolicyVersion: o.PolicyVersion, Variants: map[vocab.Language]TextVariant{}, Reason: "the first version",
			}
			for _, lang := range vocab.Languages() {
				t.Variants[lang] = builtinVariant(lang, channel, purpose, words[lang], o)
			}
			all = append(all, t)
		}
	}
	return all
}

// builtinVariant fills the sentences that all built-in texts share.
func builtinVariant(lang vocab.Language, channel vocab.Channel, p PurposeInfo, w purposeWords, o Operator) TextVariant {
	s := shared[lang]
	by := s.by[channel]
	return TextVariant{
		Title:        fmt.Sprintf(s.title, p.Names[lang], by.noun),
		Statement:    fmt.Sprintf(s.statement, o.Name[lang], by.how, w.gets),
		Operator:     o.Name[lang],
		Data:         append([]string{by.address}, s.data...),
		Uses:         w.uses,
		Actions:      s.actions,
		Term:         fmt.Sprintf(s.term, o.ValidMonths),
		ThirdParties: by.carriers,
		CrossBorder:  s.crossBorder,
		OpenSources:  s.openSources,
		Withdrawal:   by.withdrawal,
	}
}

// sharedWords are the sentences of one language.
type sharedWords struct {
	title       string // purpose, channel
	statement   string // operator, channel, what comes
	term        string // months
	data        []string
	actions     []string
	crossBorder string
	openSources string
	by          map[vocab.Channel]channelWords
}

type channelWords struct{ noun, how, address, carriers, withdrawal string }

// purposeWords are the sentences of one purpose.
type purposeWords struct{ gets, uses string }

var shared = map[vocab.Language]sharedWords{
	vocab.Kazakh: {
		title:       "%s: %s арқылы",
		statement:   "Мен %s ұйымының маған %s %s жіберуіне және ол үшін төменде аталған дербес деректерімді жинап, өңдеуіне келісемін.",
		term:        "Келісім берілген күннен бастап %d ай бойы немесе сіз оны кері қайтарғанға дейін күшінде болады.",
		data:        []string{"аты-жөніңіз", "хабарлама тілі мен таңдаған тақырыптарыңыз", "хабарламалардың жіберілуі мен жеткізілуі туралы мәліметтер"},
		actions:     []string{"жинау", "жүйелеу", "сақтау", "өзгерту және толықтыру", "хабарлама жіберу үшін пайдалану", "бұғаттау", "жою"},
		crossBorder: "Деректер Қазақстан Республикасынан тысқары жерге берілмейді.",
		openSources: "Деректер жалпыға қолжетімді көздерде таратылмайды.",
		by: map[vocab.Channel]channelWords{
			vocab.Email: {
				"электрондық пошта", "электрондық пошта арқылы", "электрондық пошта мекенжайыңыз",
				"Деректер Қазақстан Республикасында хаттарды жеткізетін пошта қызметінің провайдеріне ғана, хат жеткізу үшін беріледі. Басқа үшінші тұлғаларға берілмейді.",
				"Келісімді кез келген уақытта тегін кері қайтаруға болады: кез келген хаттағы «Жазылымнан бас тарту» сілтемесі, баптаулар беті немесе операторға өтініш арқылы. Қайтару бірден күшіне енеді.",
			},
			vocab.SMS: {
				"SMS", "SMS арқылы", "телефон нөміріңіз",
				"Деректер Қазақстан Республикасында хабарламаларды жеткізетін байланыс операторына және SMS-агрегаторға ғана, хабарлама жеткізу үшін беріледі. Басқа үшінші тұлғаларға берілмейді.",
				"Келісімді кез келген уақытта тегін кері қайтаруға болады: хабарламадағы сілтеме, баптаулар беті немесе операторға өтініш арқылы. Қайтару бірден күшіне енеді.",
			},
		},
	},
	vocab.Russian: {
		title:       "%s: %s",
		statement:   "Я даю согласие на то, что %s будет %s направлять мне %s и для этого собирать и обрабатывать мои персональные данные, названные ниже.",
		term:        "Согласие действует %d мес. со дня, когда оно дано, или до его отзыва, если вы отзовёте его раньше.",
		data:        []string{"имя и фамилия", "язык сообщений и выбранные темы", "сведения об отправке и доставке сообщений"},
		actions:     []string{"сбор", "систематизация", "хранение", "изменение и дополнение", "использование для отправки сообщений", "блокирование", "уничтожение"},
		crossBorder: "Данные не передаются за пределы Республики Казахстан.",
		openSources: "Данные не распространяются в общедоступных источниках.",
		by: map[vocab.Channel]channelWords{
			vocab.Email: {
				"по электронной почте", "по электронной почте", "адрес электронной почты",
				"Данные передаются только поставщику почтовой службы в Республике Казахстан и только для доставки писем. Другим третьим лицам данные не передаются.",
				"Согласие можно отозвать бесплатно в любое время: по ссылке «Отписаться» в любом письме, на странице настроек или обращением к оператору. Отзыв действует сразу.",
			},
			vocab.SMS: {
				"по SMS", "по SMS", "номер телефона",
				"Данные передаются только оператору связи и SMS-агрегатору в Республике Казахстан и только для доставки сообщений. Другим третьим лицам данные не передаются.",
				"Согласие можно отозвать бесплатно в любое время: по ссылке в сообщении, на странице настроек или обращением к оператору. Отзыв действует сразу.",
			},
		},
	},
	vocab.English: {
		title:       "%s: %s",
		statement:   "I agree that %s sends me %[3]s %[2]s, and collects and processes my personal data named below to do so.",
		term:        "The consent is good for %d months from the day it is given, or until you take it back, whichever is first.",
		data:        []string{"first and last name", "language of messages and chosen topics", "records of what was sent and delivered"},
		actions:     []string{"collecting", "ordering", "keeping", "changing and completing", "using it to send messages", "blocking", "destroying"},
		crossBorder: "The data do not leave the Republic of Kazakhstan.",
		openSources: "The data are not published in open sources.",
		by: map[vocab.Channel]channelWords{
			vocab.Email: {
				"by email", "by email", "email address",
				"The data are given only to the provider of the mail service in the Republic of Kazakhstan, and only to deliver the messages. They are given to no other third party.",
				"You may take the consent back at any time and free of charge: by the link “Unsubscribe” in any message, on the preferences page, or by writing to the operator. It counts at once.",
			},
			vocab.SMS: {
				"by SMS", "by SMS", "phone number",
				"The data are given only to the telephone operator and the SMS gateway in the Republic of Kazakhstan, and only to deliver the messages. They are given to no other third party.",
				"You may take the consent back at any time and free of charge: by the link in the message, on the preferences page, or by writing to the operator. It counts at once.",
			},
		},
	},
}

var builtinWords = map[vocab.Purpose]map[vocab.Language]purposeWords{
	"news.company": {
		vocab.Kazakh:  {"жаңалықтар", "Ұйымның жұмысы, бағдарламалары мен курстары туралы жаңалықтар жіберу."},
		vocab.Russian: {"новости", "Рассылка новостей о работе организации, её программах и курсах."},
		vocab.English: {"newsletters", "Sending news about the organisation's work, programmes and courses."},
	},
	"offers.company": {
		vocab.Kazakh:  {"арнайы ұсыныстар", "Ұйымның курстары мен қызметтеріне қатысты арнайы ұсыныстар жіберу."},
		vocab.Russian: {"специальные предложения", "Рассылка специальных предложений на курсы и услуги организации."},
		vocab.English: {"special offers", "Sending special offers for the organisation's courses and services."},
	},
	"event.invite": {
		vocab.Kazakh:  {"іс-шараларға шақырулар", "Ұйым өткізетін семинарларға, конференцияларға және басқа іс-шараларға шақыру."},
		vocab.Russian: {"приглашения на мероприятия", "Приглашение на семинары, конференции и другие мероприятия организации."},
		vocab.English: {"invitations to events", "Inviting you to the organisation's seminars, conferences and other events."},
	},
	"ads.campaign": {
		vocab.Kazakh:  {"жарнама", "Ұйымның қызметтері туралы жарнамалық хабарламалар жіберу."},
		vocab.Russian: {"рекламу", "Рассылка рекламных сообщений об услугах организации."},
		vocab.English: {"advertising", "Sending advertising messages about the organisation's services."},
	},
	"survey.research": {
		vocab.Kazakh:  {"сауалнамалар мен зерттеулерге шақырулар", "Курстардың сапасын және тыңдаушылардың пікірін зерттеу үшін сауалнамалар жіберу."},
		vocab.Russian: {"приглашения к опросам и исследованиям", "Рассылка опросов, чтобы изучать качество курсов и мнение слушателей."},
		vocab.English: {"invitations to surveys and research", "Sending surveys that study the quality of courses and what participants think."},
	},
}
