package library_test

import (
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// An upload knows its book by name. Once, the bytes of an upload to a book that
// was deleted went into the next book of that name, at the latest when somebody
// listed its assets.
func TestUploadEndsWithItsBook(t *testing.T) {
	s := open(t, withSmallDirect)
	arrived := s.begin(library.NewUpload{AssetPlace: picture("arrived.png"), Size: 2000})
	waiting := s.begin(library.NewUpload{AssetPlace: picture("waiting.png"), Size: 2000})
	if _, err := s.send(arrived, png(2000)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.DeleteCollection(t.Context(), "field-notes", library.CollectionDelete{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CreateBook(t.Context(), library.NewBook{ID: "field-notes"}); err != nil {
		t.Fatal(err)
	}
	assets, err := s.Assets(t.Context(), library.AssetQuery{Book: "field-notes", Limit: 10})
	if err != nil || assets.Total != 0 {
		t.Errorf("the new book has %+v, %v", assets, err)
	}
	_, err = s.CompleteUpload(t.Context(), arrived.ID, nil)
	wantKind(t, "completing the upload to the deleted book", err, sheaf.ErrGone)
	_, err = s.send(waiting, png(2000))
	wantKind(t, "sending what it waits for", err, sheaf.ErrGone)
	if upload, err := s.UploadStatus(t.Context(), arrived.ID); err != nil || upload.State != sheaf.UploadFailed || upload.Error != "the book field-notes was deleted" {
		t.Errorf("the upload is %+v, %v", upload, err)
	}
}
