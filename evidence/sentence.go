package evidence

import (
	"slices"
	"strings"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

// monthNames are in the form that follows a day: genitive in Russian.
var monthNames = map[vocab.Language][12]string{
	vocab.Kazakh:  {"қаңтар", "ақпан", "наурыз", "сәуір", "мамыр", "маусым", "шілде", "тамыз", "қыркүйек", "қазан", "қараша", "желтоқсан"},
	vocab.Russian: {"января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября", "ноября", "декабря"},
	vocab.English: {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
}

// longTime is a time in words, for a sentence; a time that has not come is a dash.
func longTime(at time.Time, zone *time.Location, lang vocab.Language) string {
	if at.IsZero() {
		return "—"
	}
	at = at.In(zone)
	month := monthNames[lang][at.Month()-1]
	return text{
		at.Format("2006 жылғы 2 ") + month + at.Format(", сағат 15:04"),
		at.Format("2 ") + month + at.Format(" 2006 года в 15:04"),
		at.Format("2 ") + month + at.Format(" 2006 at 15:04"),
	}.in(lang)
}

// verdicts are the first sentences: by verdict, and of allowed ones by ground. {when}, {purpose}, {channel}, {agreed}, {how}, {reason} and
// {trigger} are filled in.
var verdicts = map[string]text{
	"consent": {
		"Жіберуге рұқсат етілді: {when}. Негізі: алушы «{purpose}» мақсатына, {channel} арқылы алуға келісім берген ({agreed}){how} және шешім қабылданған сәтте оны қайтарып алмаған.",
		"Отправка разрешена {when}, потому что получатель {agreed} дал согласие на «{purpose}» (канал: {channel}){how} и на момент решения не отозвал его.",
		"Allowed on {when}, because the recipient had agreed to “{purpose}” by {channel} on {agreed}{how} and had not taken it back.",
	},
	"contact_request": {
		"Жіберуге рұқсат етілді: {when}. Негізі: бұл — алушының өз сұрауына, тапсырысына немесе қатысуына жауап{trigger}. Жеке келісім қажет емес.",
		"Отправка разрешена {when}, потому что это ответ на собственный запрос, заказ или участие получателя{trigger}. Отдельное согласие не требуется.",
		"Allowed on {when}, because it answers a request, an order or a participation of the recipient's own{trigger}. No separate consent is needed.",
	},
	"service": {
		"Жіберуге рұқсат етілді: {when}. Негізі: хабарлама алушы пайдаланатын қызметке қатысты, ал алушы мұндай хабарламалардан бас тартпаған.",
		"Отправка разрешена {when}, потому что сообщение касается услуги, которой получатель пользуется, и он не отказывался от таких сообщений.",
		"Allowed on {when}, because it is about a service that the recipient uses, and the recipient had not opted out of such notices.",
	},
	"legal_obligation": {
		"Жіберуге рұқсат етілді: {when}. Негізі: ұйым бұл туралы («{purpose}») заң және құпиялылық саясаты бойынша хабарлауға міндетті. Келісім қажет емес.",
		"Отправка разрешена {when}, потому что сообщить об этом («{purpose}») организацию обязывают закон и политика конфиденциальности. Согласие не требуется.",
		"Allowed on {when}, because the law and the privacy policy oblige the organisation to tell this (“{purpose}”). No consent is needed.",
	},
	"hold": {
		"Кідіртілді: {when}. Себебі: {reason}",
		"Отправка задержана {when}. Причина: {reason}",
		"Held on {when}. Why: {reason}",
	},
	"deny": {
		"Жіберуге рұқсат етілмеді: {when}. Себебі: {reason}",
		"В отправке отказано {when}. Причина: {reason}",
		"Refused on {when}. Why: {reason}",
	},
}

// hows say how a consent was shown, behind the words that it was given.
var hows = map[consent.ProofKind]text{
	consent.ProofDoubleOptIn:  {", оны хаттағы сілтеме арқылы растаған", ", подтвердил его по ссылке из письма", ", confirmed it by the link in a letter"},
	consent.ProofOneTimeCode:  {", оны жіберілген бір реттік кодпен растаған", ", подтвердил его отправленным одноразовым кодом", ", confirmed it by a one-time code that was sent"},
	consent.ProofSignedForm:   {" (қағаз нысанға қол қойған)", " (на подписанной бумажной форме)", " (on a signed paper form)"},
	consent.ProofOperatorNote: {" (оны қызметкер алушының сөзінен жазған)", " (его записал сотрудник со слов получателя)", " (a member of staff noted it down from their words)"},
	consent.ProofRenewalLink:  {" (оны жеке сілтеме арқылы ұзартқан)", " (продлено по личной ссылке)", " (renewed by a personal link)"},
}

// outcomes are the second sentences, by status. {at} and {sent} are filled in.
var outcomes = map[dispatcher.Status]text{
	dispatcher.Scheduled:   {"Әлі жіберілген жоқ: белгіленген уақытын күтуде.", "Ещё не отправлено: ждёт назначенного времени.", "It was not sent yet: it waits for its time."},
	dispatcher.Queued:      {"Әлі жіберілген жоқ: кезекте тұр.", "Ещё не отправлено: стоит в очереди.", "It was not sent yet: it waits in the queue."},
	dispatcher.Held:        {"Әлі жіберілген жоқ: кідіртілген және қайта тексеріледі.", "Ещё не отправлено: задержано и будет проверено снова.", "It was not sent yet: it is held and will be decided again."},
	dispatcher.Deferred:    {"Әлі жіберілген жоқ: соңғы әрекет сәтсіз болды, келесісін күтуде.", "Ещё не отправлено: последняя попытка не удалась, ждёт следующей.", "It was not sent yet: the last attempt failed, and it waits for the next one."},
	dispatcher.Sending:     {"Дәл қазір провайдерге тапсырылып жатыр.", "Сейчас передаётся провайдеру.", "It is being handed to the provider at this moment."},
	dispatcher.Sent:        {"Провайдер оны қабылдады: {sent}.", "Провайдер принял его {sent}.", "The provider took it on {sent}."},
	dispatcher.Delivered:   {"Жеткізілді: бұл туралы хабар {at} келді.", "Доставлено: отчёт об этом пришёл {at}.", "It was delivered: the report came on {at}."},
	dispatcher.Bounced:     {"Жеткен жоқ: алушының сервері оны біржола қабылдамады ({at}).", "Не доставлено: сервер получателя окончательно отказался его принять ({at}).", "It did not arrive: the receiving server refused it for good ({at})."},
	dispatcher.Undelivered: {"Жеткен жоқ: провайдер солай хабарлады ({at}).", "Не доставлено: об этом сообщил провайдер ({at}).", "It did not arrive: the provider said so ({at})."},
	dispatcher.Failed:      {"Жіберілген жоқ: оны тапсыру мүмкін болмады ({at}).", "Не отправлено: передать его не удалось ({at}).", "It was not sent: it could not be handed over ({at})."},
	dispatcher.Suppressed:  {"Жіберілген жоқ.", "Не отправлено.", "It was not sent."},
	dispatcher.Expired:     {"Жіберілген жоқ: күтіп тұрғанда мерзімі өтті ({at}).", "Не отправлено: срок истёк, пока оно ждало ({at}).", "It was not sent: its time ran out while it waited ({at})."},
	dispatcher.Canceled:    {"Жіберілген жоқ: жіберілмей тұрып кері қайтарылды ({at}).", "Не отправлено: отменено до отправки ({at}).", "It was not sent: it was called back before ({at})."},
	dispatcher.Unknown:     {"Жеткен-жетпегені белгісіз: провайдердің жауабы жоғалған.", "Неизвестно, дошло ли оно: ответ провайдера потерян.", "Nobody can tell whether it arrived: the provider's answer was lost."},
}

// notes are what a reader must know besides.
var notes = map[string]text{
	"test":      {"Бұл — сынақ хабарламасы: алушыға жіберілмейді, сынақ жәшігіне ғана түседі.", "Это тестовое сообщение: оно не уходит получателю и попадает только в тестовый ящик.", "This was asked for with a test key: it goes to the catcher and never to the recipient."},
	"erased":    {"Алушының деректері жойылған: {at}. Аты, мекенжайы және хабарламаның мазмұны енді сақталмайды; шешім мен келісімдер журналы сақталған.", "Данные получателя уничтожены: {at}. Имя, адрес и содержание больше не хранятся; решение и журнал согласий сохранены.", "The recipient's data were erased on {at}. Name, address and content are not kept any more; the decision and the consent ledger are."},
	"merged":    {"Бұл контакт кейін басқасымен біріктірілді: {id}.", "Этот контакт позже объединён с другим: {id}.", "This contact later became another one: {id}."},
	"gone":      {"Хабарламаның мазмұны енді сақталмайды (сақтау мерзімі өткен немесе деректер жойылған).", "Содержание сообщения больше не хранится (истёк срок хранения или данные уничтожены).", "What the message said is not kept any more: it was erased, or past its retention."},
	"unmade":    {"Хабарламаның мәтінін деректерінен қайта жасау мүмкін емес.", "Составить текст сообщения заново из его данных нельзя.", "The text cannot be made again from its data."},
	"misfit":    {"Назар аударыңыз: қайта жасалған мәтіннің хэші жіберілгендікімен сәйкес келмейді.", "Внимание: хэш текста, составленного заново, не совпадает с хэшем отправленного.", "Mind: rendered again, the text does not have the hash of what was sent."},
	"duplicate": {"Алдыңғы әрекет те жеткен болуы мүмкін.", "Предыдущая попытка тоже могла дойти.", "An earlier attempt may have arrived too."},
	"ended":     {"Шешімнен кейін келісім өзгерді: қазіргі күйі — {state} ({at}).", "После решения согласие изменилось: сейчас — {state} (с {at}).", "After the decision the consent changed: it is now {state}, since {at}."},
	"unproved":  {"Журнал жазбаларының бірін дәлелдеу мүмкін болмады; төмендегі тексеру бөлімін қараңыз.", "Одну из записей журнала доказать не удалось; см. раздел о проверке ниже.", "An entry of the ledger could not be proved; see how to check, below."},
}

// summary says it in sentences.
func (w *work) summary() Summary {
	d, lang := &w.d, w.r.Language
	when := func(t time.Time) string { return longTime(t, w.o.Zone, lang) }
	key := string(d.Decision.Verdict)
	if d.Decision.Verdict == consent.Allow {
		key = string(d.Decision.Basis)
	}
	verdict, known := verdicts[key]
	if !known { // fail closed: what nobody can name allowed nothing
		verdict = verdicts["deny"]
	}
	how, agreed, trigger := "", "—", ""
	for _, e := range d.Entries {
		if e.Role != RoleLater && e.Entry.Event().Kind.Agrees() && e.StateAfter == consent.Granted {
			how, agreed = hows[e.Entry.Proof].in(lang), when(e.Entry.At)
		}
	}
	if !d.Message.TriggerAt.IsZero() {
		trigger = " (" + when(d.Message.TriggerAt) + ")"
	}
	last := d.Message.SentAt
	for _, s := range d.Timeline {
		if s.Type == "message."+string(d.Message.Status) {
			last = s.At
		}
	}
	return Summary{
		Verdict: strings.NewReplacer(
			"{when}", when(d.Decision.DecidedAt)+" ("+w.o.Zone.String()+")", "{purpose}", d.Message.PurposeName, "{channel}", wordFor(lang, d.Message.Channel), "{how}", how,
			"{agreed}", agreed, "{reason}", d.Decision.Reason.Sentence, "{trigger}", trigger,
		).Replace(verdict.in(lang)),
		Outcome: strings.NewReplacer("{at}", when(last), "{sent}", when(d.Message.SentAt)).Replace(outcomes[d.Message.Status].in(lang)),
		Notes:   w.notes(when),
	}
}

func (w *work) notes(when func(time.Time) string) []string {
	d, lang := &w.d, w.r.Language
	list := []string{}
	add := func(applies bool, key string, pairs ...string) {
		if applies {
			list = append(list, strings.NewReplacer(pairs...).Replace(notes[key].in(lang)))
		}
	}
	add(d.Message.Mode == dispatcher.Test, "test")
	erased := !d.Recipient.ErasedAt.IsZero()
	add(erased, "erased", "{at}", when(d.Recipient.ErasedAt))
	add(d.Recipient.MergedInto != "", "merged", "{id}", string(d.Recipient.MergedInto))
	add(d.Content.State == ContentGone && !erased, "gone")
	add(d.Content.State == ContentUnmade, "unmade")
	add(d.Content.Fits != nil && !*d.Content.Fits, "misfit")
	add(d.Message.PossibleDup, "duplicate")
	if g := d.Grant; g != nil {
		add(g.StateNow != g.StateThen && g.SinceNow.After(d.Decision.DecidedAt), "ended", "{state}", wordFor(lang, g.StateNow), "{at}", when(g.SinceNow))
	}
	add(slices.ContainsFunc(d.Entries, func(e Entry) bool { return e.Unproved != "" }), "unproved")
	return list
}
