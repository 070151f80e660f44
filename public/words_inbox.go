package public

// inboxWords are the texts of the catcher's pages.
var inboxWords = map[string]text{
	"inbox_title": {"Сынақ жәшігі", "Тестовый ящик", "Test inbox"},
	"inbox_lead": {
		"Бұл хабарламалар ешкімге жеткен жоқ: оларды кірістірілген жәшік ұстап қалды.",
		"Эти сообщения никому не доставлены: их перехватил встроенный ящик.",
		"These messages reached nobody: the built-in inbox caught them.",
	},
	"inbox_empty": {
		"Әзірге бос. Хабарлама жіберіңіз, ол осында шығады.",
		"Пока пусто. Отправьте сообщение, и оно появится здесь.",
		"Empty for now. Send a message and it shows up here.",
	},
	"inbox_newest":     {"Ең жаңа %d хабарлама көрсетілген.", "Показаны %d самых новых.", "The newest %d are shown."},
	"inbox_refresh":    {"5 секунд сайын жаңарту", "Обновлять каждые 5 секунд", "Refresh every 5 seconds"},
	"inbox_no_refresh": {"Жаңартуды тоқтату", "Не обновлять", "Stop refreshing"},
	"inbox_reload":     {"Қазір жаңарту", "Обновить сейчас", "Refresh now"},
	"inbox_back":       {"Барлық хабарлама", "Все сообщения", "All messages"},
	"inbox_from":       {"Кімнен", "От", "From"},
	"inbox_to":         {"Кімге", "Кому", "To"},
	"inbox_at":         {"Уақыты", "Время", "Time"},
	"inbox_no_subject": {"(тақырыбы жоқ)", "(без темы)", "(no subject)"},
	"inbox_html":       {"Хаттың көрінісі", "Вид письма", "Rendered"},
	"inbox_text":       {"Мәтіні", "Текст", "Text"},
	"inbox_headers":    {"Тақырыптамалар", "Заголовки", "Headers"},
	"inbox_files":      {"Тіркемелер", "Вложения", "Attachments"},
	"inbox_raw":        {"Бастапқы түрін жүктеу", "Скачать исходник", "Download the source"},
	"inbox_own_page":   {"Жеке бетте ашу", "Открыть отдельно", "Open on its own"},
	"inbox_size":       {"Көлемі", "Размер", "Size"},
}
