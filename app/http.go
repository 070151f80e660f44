package app

func (a *App) addHTTP(s *street, m *metrics) error { return nil }
