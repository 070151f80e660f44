package api

import (
	"embed"
	"net/http"

	"github.com/gin-gonic/gin"
)

// reference holds the browsable reference's program, RapiDoc, as its package ships it; update.sh replaces it.
//
//go:generate sh reference/update.sh
//go:embed reference/rapidoc-min.js.gz
var reference embed.FS

// referencePage loads nothing from anywhere but this server.
const referencePage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>Elshi API</title>
<link rel="icon" href="data:,">
<script type="module" src="/docs/rapidoc.js"></script>
</head>
<body>
<header style="position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)"><h1>Elshi API</h1></header>
<rapi-doc spec-url="/openapi.json" render-style="read" load-fonts="false" show-header="false" allow-spec-url-load="false"
  allow-spec-file-load="false" schema-style="table" sort-endpoints-by="none" theme="light" primary-color="#00677f"
  regular-font="system-ui, sans-serif" mono-font="ui-monospace, monospace" persist-auth="false"></rapi-doc>
</body>
</html>
`

// referencePolicy lets the page load its program and the description from here, and nothing from elsewhere.
const referencePolicy = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'unsafe-inline'; img-src 'self' data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func (a *API) registerReference() {
	a.engine.GET("/docs", func(c *gin.Context) {
		c.Header("Content-Security-Policy", referencePolicy)
		c.Data(http.StatusOK, "text/html; charset=utf-8", []byte(referencePage))
	})
	a.engine.GET("/docs/rapidoc.js", func(c *gin.Context) {
		// Every browser that runs it takes gzip, so it is kept and sent as it came.
		program, err := reference.ReadFile("reference/rapidoc-min.js.gz")
		if err != nil {
			a.write(c, a.refuse(c.Request.Context(), err))
			return
		}
		c.Header("Content-Encoding", "gzip")
		c.Header("Cache-Control", "max-age=86400")
		c.Data(http.StatusOK, "text/javascript; charset=utf-8", program)
	})
}
