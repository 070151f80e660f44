package public

// keepWords are the texts of /n, which renews a grant before it ends.
var keepWords = map[string]text{
	"keep_title":       {"Бұл хабарламаларды ала бересіз бе?", "Продолжить получать эти сообщения?", "Keep receiving these messages?"},
	"keep_lead":        {"Келісіміңіздің мерзімі %s күні аяқталады.", "Срок вашего согласия заканчивается %s.", "Your consent ends on %s."},
	"keep_button":      {"%s күніне дейін ұзарту", "Продлить до %s", "Keep until %s"},
	"keep_nothing":     {"Ештеңе баспасаңыз, мерзім аяқталғанда хабарламалар тоқтайды.", "Если ничего не нажимать, по окончании срока сообщения прекратятся.", "If you press nothing, the messages stop when it ends."},
	"keep_done_title":  {"Келісім ұзартылды", "Согласие продлено", "Your consent is renewed"},
	"keep_done":        {"Хабарламалар %s күніне дейін келеді. Оларды кез келген уақытта тоқтата аласыз.", "Сообщения будут приходить до %s. Остановить их можно в любой момент.", "The messages keep coming until %s. You can stop them at any time."},
	"keep_ended_title": {"Бұл келісімді ұзарту мүмкін емес", "Это согласие продлить нельзя", "This consent cannot be renewed"},
	"keep_ended":       {"Оның мерзімі аяқталған немесе сіз оны қайтарып алғансыз, сондықтан хабарламалар келмейді.", "Его срок закончился, или вы его отозвали, поэтому сообщения не приходят.", "It has ended, or you took it back, so no messages come."},
}
