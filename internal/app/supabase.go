package app

import (
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/supablob"
	"github.com/sheaf-dev/sheaf/internal/config"
)

// openSupabase returns the backend of a bucket of Supabase Storage.
func openSupabase(c config.Supabase) (blob.Backend, error) {
	return supablob.New(supablob.Options{URL: c.URL, ServiceKey: string(c.ServiceKey), Bucket: c.Bucket})
}
