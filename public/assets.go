package public

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/orleu/elshi/fault"
)

//go:embed assets
var assetFiles embed.FS

// asset is an embedded file under a name that changes with its content, so that browsers may keep it for good.
type asset struct {
	name string // "style-1f2e3d4c5b6a.css"
	file file
}

// loadAssets returns the embedded files by their source names.
func loadAssets() (map[string]asset, error) {
	entries, err := assetFiles.ReadDir("assets")
	if err != nil {
		return nil, fmt.Errorf("contact pages: assets: %w", err)
	}
	all := map[string]asset{}
	for _, entry := range entries {
		content, err := assetFiles.ReadFile("assets/" + entry.Name())
		if err != nil {
			return nil, fmt.Errorf("contact pages: assets: %w", err)
		}
		sum := sha256.Sum256(content)
		ext := path.Ext(entry.Name())
		all[entry.Name()] = asset{
			name: strings.TrimSuffix(entry.Name(), ext) + "-" + hex.EncodeToString(sum[:6]) + ext,
			file: file{contentType: mime.TypeByExtension(ext), content: content},
		}
	}
	return all, nil
}

// asset serves one embedded file; a name with an old hash is not found rather than wrong.
func (p *pages) asset(r *http.Request) (answer, error) {
	for _, a := range p.assets {
		if a.name == r.PathValue("file") {
			return answer{file: &a.file, header: map[string]string{"Cache-Control": "public, max-age=31536000, immutable"}}, nil
		}
	}
	return answer{}, fault.Missing("asset_not_found", "there is no such file")
}
