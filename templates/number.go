package templates

import (
	"math"
	"strconv"
	"strings"
)

// noBreak keeps a number on one line.
const noBreak = "\u00a0"

// numberFilter groups digits as the language does: {{ 1234567.5 | number }} is "1 234 567,5" in kk and ru (no-break spaces)
// and "1,234,567.5" in en. Its argument is the number of decimals.
func numberFilter(s setting, v any, args []any) (any, error) {
	n, err := number(v)
	if err != nil {
		return nil, err
	}
	decimals := -1
	if len(args) == 1 {
		wanted, err := number(args[0])
		if err != nil {
			return nil, err
		}
		decimals = int(min(max(wanted, 0), 9))
	}
	return group(n, decimals, s.lang), nil
}

// moneyFilter writes an amount with its currency (ISO 4217, default KZT): whole amounts without decimals, others with two.
func moneyFilter(s setting, v any, args []any) (any, error) {
	n, err := number(v)
	if err != nil {
		return nil, err
	}
	currency := "KZT"
	if len(args) == 1 {
		if currency, err = text(args[0]); err != nil {
			return nil, err
		}
	}
	decimals := 2
	if n == math.Trunc(n) {
		decimals = 0
	}
	sign, isSign := map[string]string{"KZT": "₸", "RUB": "₽", "USD": "$", "EUR": "€"}[currency]
	amount := group(n, decimals, s.lang)
	switch {
	case s.lang == "kk" || s.lang == "ru":
		if !isSign {
			sign = currency
		}
		return amount + noBreak + sign, nil
	case isSign:
		return sign + amount, nil
	default:
		return currency + noBreak + amount, nil
	}
}

func group(n float64, decimals int, lang string) string {
	separator, point := ",", "."
	if lang == "kk" || lang == "ru" {
		separator, point = noBreak, ","
	}
	digits, fraction, hasFraction := strings.Cut(strconv.FormatFloat(math.Abs(n), 'f', decimals, 64), ".")
	var b strings.Builder
	if n < 0 {
		b.WriteByte('-')
	}
	for i, digit := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteString(separator)
		}
		b.WriteRune(digit)
	}
	if hasFraction {
		b.WriteString(point + fraction)
	}
	return b.String()
}
