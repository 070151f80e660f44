package consent

import "github.com/orleu/elshi/vocab"

// legalBases say in one phrase what a class stands on.
var legalBases = map[vocab.Class]string{
	vocab.Security:      "the contact's own request, at most 10 minutes old",
	vocab.Transactional: "the contact's request, order or participation, and consent to processing",
	vocab.Service:       "a service in use, and consent to processing; the contact may opt out",
	vocab.Legal:         "a duty to inform under the law and the privacy policy",
	vocab.Breach:        "a duty to inform about a breach of personal data",
	vocab.Marketing:     "the contact's grant for exactly this purpose and channel",
}

// shipped are the purposes of the organisation's privacy policy. Partners' are registered one by one, by name.
func shipped() []PurposeInfo {
	return []PurposeInfo{
		purpose("account.identity", vocab.Security, "3.1 b1", "Кіру кодтары және тіркелгі қауіпсіздігі", "Коды входа и безопасность учётной записи", "Sign-in codes and account security"),
		purpose("account.access", vocab.Transactional, "3.1 b2", "Тіркелгіге қолжетімділік", "Доступ к учётной записи", "Access to the account"),
		purpose("request.reply", vocab.Transactional, "3.1 b3", "Өтінішке жауап", "Ответ на обращение", "Reply to a request"),
		purpose("support.case", vocab.Transactional, "3.1 b5", "Қолдау қызметіне жүгіну", "Обращение в службу поддержки", "Support case"),
		purpose("service.materials", vocab.Transactional, "3.1 b6", "Сұралған материалдар", "Запрошенные материалы", "Materials asked for"),
		purpose("event.participation", vocab.Transactional, "3.1 b8", "Іс-шараға қатысу", "Участие в мероприятии", "Taking part in an event"),
		purpose("service.notice", vocab.Service, "3.1 b3", "Қызмет туралы хабарламалар", "Уведомления об услуге", "Notices about a service in use"),
		purpose("data.verification", vocab.Service, "3.1 b4", "Деректерді нақтылау", "Уточнение данных", "Checking that data are right"),
		purpose("news.company", vocab.Marketing, "3.1 b7", "Жаңалықтар", "Новости", "Newsletters"),
		purpose("offers.company", vocab.Marketing, "3.1 b7", "Арнайы ұсыныстар", "Специальные предложения", "Special offers"),
		purpose("event.invite", vocab.Marketing, "3.1 b9", "Іс-шараларға шақыру", "Приглашения на мероприятия", "Invitations to events"),
		purpose("ads.campaign", vocab.Marketing, "3.1 b9", "Жарнама", "Реклама", "Advertising"),
		purpose("staff.notice", vocab.Transactional, "3.1 b10", "Ұйым қызметкерлеріне хабарлама", "Сообщения сотрудникам организации", "Notices to the organisation's own staff"),
		purpose("consent.receipt", vocab.Transactional, "3.1 b10", "Келісім туралы түбіртек", "Квитанция о согласии", "Receipt of a consent"),
		purpose("survey.research", vocab.Marketing, "3.1 b9", "Сауалнамалар мен зерттеулер", "Опросы и исследования", "Surveys and research"),
		purpose("legal.policy_change", vocab.Legal, "7.1–7.5", "Құпиялылық саясатының өзгеруі", "Изменение политики конфиденциальности", "Change of the privacy policy"),
		purpose("legal.claim", vocab.Legal, "6.1–6.2", "Шағым-талапқа жауап", "Ответ на претензию", "Answer to a claim"),
		purpose("legal.rights", vocab.Legal, "6.1–6.2", "Дербес деректер иесінің құқықтары", "Права владельца персональных данных", "Rights of the person the data are about"),
		purpose("legal.transfer", vocab.Legal, "4.2", "Дербес деректерді беру", "Передача персональных данных", "Transfer of personal data"),
		purpose("legal.breach", vocab.Breach, "4.3–5.1", "Дербес деректердің таралып кетуі", "Утечка персональных данных", "Breach of personal data"),
	}
}

func purpose(id vocab.Purpose, class vocab.Class, clause, kk, ru, en string) PurposeInfo {
	return PurposeInfo{ID: id, Class: class, Clause: clause, Names: names(kk, ru, en)}
}

func names(kk, ru, en string) map[vocab.Language]string {
	return map[vocab.Language]string{vocab.Kazakh: kk, vocab.Russian: ru, vocab.English: en}
}

// The uses of data that are consents and never a reason to write.
const (
	// ProcessingCore is the consent to processing at all; without it only legal, breach and security messages go out.
	ProcessingCore vocab.Purpose = "processing.core"
	// EventRegistry is the consent to be listed among those who take part in an event.
	EventRegistry vocab.Purpose = "event.registry"
	// EventPublishResults is the consent to have one's results published.
	EventPublishResults vocab.Purpose = "event.publish_results"
)

// ProcessingUse is a use of data that a contact consents to. It is kept in the same ledger as grants, and it is never a
// reason to write.
type ProcessingUse struct {
	ID     vocab.Purpose
	Clause string // of the organisation's privacy policy
	Names  map[vocab.Language]string
}

// ProcessingUses returns every use of data that is a consent but never a message, sorted by id.
func ProcessingUses() []ProcessingUse {
	return []ProcessingUse{
		{ID: EventPublishResults, Clause: "3.1 b8", Names: names("Іс-шара нәтижелерін жариялау", "Публикация результатов мероприятия", "Publishing the results of an event")},
		{ID: EventRegistry, Clause: "3.1 b8", Names: names("Іс-шараға қатысушылар тізілімі", "Реестр участников мероприятия", "Registry of those who take part in an event")},
		{ID: ProcessingCore, Clause: "3.1", Names: names("Дербес деректерді өңдеу", "Обработка персональных данных", "Processing of personal data")},
	}
}

func isProcessingUse(id vocab.Purpose) bool {
	return id == ProcessingCore || id == EventRegistry || id == EventPublishResults
}
