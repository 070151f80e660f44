package sms_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/orleu/elshi/channels/sms"
	"github.com/orleu/elshi/vocab"
)

func TestMatchKeyword(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       sms.Keyword
	}{
		{"English", "STOP", sms.Stop},
		{"small letters with punctuation", " «stop»!!! ", sms.Stop},
		{"letter by letter", "S.T.O.P", sms.Stop},
		{"Russian", "Стоп", sms.Stop},
		{"Latin C and O among Cyrillic", "CТOП", sms.Stop},
		{"Cyrillic letters among Latin", "SТОР", sms.Stop},
		{"Greek letters among Latin", "SΤΟΡ", sms.Stop},
		{"a zero for an O", "ST0P", sms.Stop},
		{"full-width letters", "ＳＴＯＰ", sms.Stop},
		{"a zero-width space inside", "ST\u200bOP", sms.Stop},
		{"unsubscribe in Russian", "отписаться", sms.Stop},
		{"refusal in Russian", "ОТКАЗ.", sms.Stop},
		{"Kazakh", "ТОҚТАТУ", sms.Stop},
		{"Kazakh in small letters", "тоқтат", sms.Stop},
		{"Kazakh typed on a Russian keyboard", "токтату", sms.Stop},
		{"Kazakh in Latin script", "Toqtatu", sms.Stop},
		{"two words", "Бас тарту", sms.Stop},
		{"two words written as one", "бастарту", sms.Stop},
		{"with a polite word", "Стоп, пожалуйста", sms.Stop},
		{"naming what to stop", "Стоп рассылка!", sms.Stop},
		{"all", "stop all sms", sms.Stop},
		{"help in English", "Help?", sms.Help},
		{"help in Russian", "помощь", sms.Help},
		{"help in Kazakh", "Көмек", sms.Help},
		{"help in Kazakh on a Russian keyboard", "комек", sms.Help},
		{"start in English", "start", sms.Start},
		{"start in Russian", "СТАРТ", sms.Start},
		{"start with Latin letters among Cyrillic", "CTAPТ", sms.Start},
		{"start in Kazakh", "Бастау", sms.Start},
		{"nothing", "", sms.NoKeyword},
		{"punctuation only", "?!", sms.NoKeyword},
		{"a number", "1414", sms.NoKeyword},
		{"a sentence with the word in it", "Стоп-кран в школе не работает", sms.NoKeyword},
		{"a longer word", "stopper", sms.NoKeyword},
		{"start with more words is not exact", "start please", sms.NoKeyword},
		{"contradiction", "stop start", sms.NoKeyword},
		{"only fillers", "пожалуйста sms", sms.NoKeyword},
		{"a letter-long text", "stop" + strings.Repeat(" ", 1000), sms.NoKeyword},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got, _ := sms.MatchKeyword(tc.text); got != tc.want {
				t.Errorf("MatchKeyword(%q) = %q, want %q", tc.text, got, tc.want)
			}
		})
	}
}

func TestMatchKeywordSaysTheLanguage(t *testing.T) {
	for text, want := range map[string]vocab.Language{
		"help": vocab.English, "Info!": vocab.English, "помощь": vocab.Russian, "инфо": vocab.Russian, "ПОМOЩЬ": vocab.Russian, // a Latin O
		"Көмек": vocab.Kazakh, "комек": vocab.Kazakh, "Kömek": vocab.Kazakh, "stop": vocab.English, "отписаться": vocab.Russian,
		"бас тарту": vocab.Kazakh, "Тоқтат, өтінемін": vocab.Kazakh, "бастау": vocab.Kazakh, "рахмет": "", "help me": "",
	} {
		if _, got := sms.MatchKeyword(text); got != want {
			t.Errorf("MatchKeyword(%q) says the language is %q, want %q", text, got, want)
		}
	}
}

func FuzzMatchKeyword(f *testing.F) {
	for _, seed := range []string{"STOP", "CТOП", "бас тарту", "help", "стоп пожалуйста", "\xff", "ﷺ"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, lang := sms.MatchKeyword(text)
		if (got == sms.NoKeyword) != (lang == "") {
			t.Errorf("MatchKeyword(%q) = %q in the language %q", text, got, lang)
		}
		if len(text) > 900 || !utf8.ValidString(text) {
			return
		}
		if padded, _ := sms.MatchKeyword(" " + text + " !"); padded != got {
			t.Errorf("MatchKeyword(%q) = %q, and %q with spaces and a mark around it", text, got, padded)
		}
		if got != sms.NoKeyword && !strings.ContainsFunc(text, func(r rune) bool { return r > ' ' }) {
			t.Errorf("MatchKeyword(%q) = %q without a letter", text, got)
		}
	})
}
