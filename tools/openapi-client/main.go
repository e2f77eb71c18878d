// Command openapi-client uses a server through a client that oapi-codegen has
// generated from api/openapi.yaml. A test generates the package sheafapi, which
// is not kept, builds this and runs it:
//
//	openapi-client http://127.0.0.1:8766
//
// It ends with status 1 at the first answer that is not as described. The store
// should be empty.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"os"

	"github.com/sheaf-dev/sheaf/tools/openapi-client/sheafapi"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: openapi-client URL")
		os.Exit(2)
	}
	if err := use(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("every answer is as described")
}

func use(ctx context.Context, url string) error {
	api, err := sheafapi.NewClientWithResponses(url)
	if err != nil {
		return err
	}
	health, err := api.HealthWithResponse(ctx)
	if err != nil || health.JSON200 == nil {
		return unexpected("health", health, err)
	}

	document, err := push(ctx, api, "notes.md", "one\ntwo\n", map[string]string{"tags": "a,b", "description": "two lines"})
	if err != nil {
		return err
	}
	id := document.DocumentId
	if err := find(ctx, api, id); err != nil {
		return err
	}
	if err := write(ctx, api, *document); err != nil {
		return err
	}
	if err := lookBack(ctx, api, id); err != nil {
		return err
	}
	if err := collect(ctx, api); err != nil {
		return err
	}
	if err := handleMany(ctx, api, id); err != nil {
		return err
	}
	return remove(ctx, api, id)
}

// push uploads a document as a form.
func push(ctx context.Context, api *sheafapi.ClientWithResponses, filename, content string, fields map[string]string) (*sheafapi.Document, error) {
	var form bytes.Buffer
	parts := multipart.NewWriter(&form)
	for name, value := range fields {
		if err := parts.WriteField(name, value); err != nil {
			return nil, err
		}
	}
	file, err := parts.CreateFormFile("file", filename)
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(file, content); err != nil {
		return nil, err
	}
	if err := parts.Close(); err != nil {
		return nil, err
	}
	key := "push of " + filename
	answer, err := api.CreateDocumentWithBodyWithResponse(ctx, &sheafapi.CreateDocumentParams{IdempotencyKey: &key}, parts.FormDataContentType(), &form)
	if err != nil || answer.JSON200 == nil {
		return nil, unexpected("createDocument", answer, err)
	}
	if answer.JSON200.Name != filename || answer.JSON200.SizeBytes != int64(len(content)) {
		return nil, unexpected("createDocument", answer, nil)
	}
	return answer.JSON200, nil
}

// find looks for the document that is there.
func find(ctx context.Context, api *sheafapi.ClientWithResponses, id string) error {
	tags, limit := "a,b", 10
	list, err := api.ListDocumentsWithResponse(ctx, &sheafapi.ListDocumentsParams{Tags: &tags, Limit: &limit})
	if err != nil || list.JSON200 == nil || len(*list.JSON200) != 1 || (*list.JSON200)[0].DocumentId != id {
		return unexpected("listDocuments", list, err)
	}
	metadata, err := api.GetMetadataWithResponse(ctx, id, nil)
	if err != nil || metadata.JSON200 == nil || metadata.JSON200.Description != "two lines" {
		return unexpected("getMetadata", metadata, err)
	}
	missing, err := api.GetMetadataWithResponse(ctx, "doc_000000000000", nil)
	if err != nil || missing.ApplicationproblemJSON404 == nil || missing.ApplicationproblemJSON404.Code != "not_found" {
		return unexpected("getMetadata of nothing", missing, err)
	}
	return nil
}

// write changes a document's content, also with what is not current any more.
func write(ctx context.Context, api *sheafapi.ClientWithResponses, document sheafapi.Document) error {
	id, tag := document.DocumentId, `"`+document.ChecksumSha256+`"`
	put := func(content string) (*sheafapi.WriteContentResponse, error) {
		return api.WriteContentWithBodyWithResponse(ctx, id, &sheafapi.WriteContentParams{IfMatch: &tag}, "text/markdown", bytes.NewBufferString(content))
	}
	written, err := put("one\ntwo\nthree\n")
	if err != nil || written.JSON200 == nil || written.JSON200.Mode != "updated" {
		return unexpected("writeContent", written, err)
	}
	refused, err := put("zero\none\ntwo\n")
	if err != nil || refused.ApplicationproblemJSON412 == nil {
		return unexpected("writeContent over another", refused, err)
	}
	if conflict := refused.ApplicationproblemJSON412.Conflict; conflict == nil || conflict.Merge == nil || !conflict.Merge.Clean {
		return unexpected("writeContent over another", refused, nil)
	}
	old, with := "two", "2"
	edited, err := api.EditContentWithResponse(ctx, id, nil, sheafapi.ContentEdit{Edits: []sheafapi.Edit{{OldString: &old, NewString: &with}}})
	if err != nil || edited.JSON200 == nil {
		return unexpected("editContent", edited, err)
	}
	read, err := api.DownloadDocumentWithResponse(ctx, id, nil)
	if err != nil || string(read.Body) != "one\n2\nthree\n" {
		return unexpected("downloadDocument", read, err)
	}
	name, tags := "Notes", []string{"a", "c"}
	changed, err := api.ChangeDocumentWithResponse(ctx, id, nil, sheafapi.DocumentChange{Name: &name, Tags: &tags})
	if err != nil || changed.JSON200 == nil || changed.JSON200.Name != name {
		return unexpected("changeDocument", changed, err)
	}
	return nil
}

// lookBack reads a document's history.
func lookBack(ctx context.Context, api *sheafapi.ClientWithResponses, id string) error {
	versions, err := api.ListVersionsWithResponse(ctx, id, nil)
	if err != nil || versions.JSON200 == nil || len(*versions.JSON200) != 3 {
		return unexpected("listVersions", versions, err)
	}
	from := 1
	comparison, err := api.CompareVersionsWithResponse(ctx, id, &sheafapi.CompareVersionsParams{From: &from})
	if err != nil || comparison.JSON200 == nil || comparison.JSON200.To != 3 {
		return unexpected("compareVersions", comparison, err)
	}
	log, err := api.DocumentLogWithResponse(ctx, id, nil)
	if err != nil || log.JSON200 == nil || len(*log.JSON200) != 4 {
		return unexpected("documentLog", log, err)
	}
	return nil
}

// collect makes a collection, also one that is there already.
func collect(ctx context.Context, api *sheafapi.ClientWithResponses) error {
	create := func() (*sheafapi.CreateCollectionResponse, error) {
		return api.CreateCollectionWithResponse(ctx, sheafapi.CollectionCreation{Name: "field-notes"})
	}
	created, err := create()
	if err != nil || created.JSON200 == nil || created.JSON200.Name != "field-notes" {
		return unexpected("createCollection", created, err)
	}
	refused, err := create()
	if err != nil || refused.ApplicationproblemJSON409 == nil {
		return unexpected("createCollection of one that is there", refused, err)
	}
	all, err := api.ListCollectionsWithResponse(ctx)
	if err != nil || all.JSON200 == nil || len(*all.JSON200) != 2 {
		return unexpected("listCollections", all, err)
	}
	return nil
}

// handleMany relates, tags, moves and downloads documents.
func handleMany(ctx context.Context, api *sheafapi.ClientWithResponses, id string) error {
	child, err := push(ctx, api, "leaf.md", "a leaf\n", nil)
	if err != nil {
		return err
	}
	related, err := api.RelateWithResponse(ctx, id, sheafapi.RelationCreation{Type: "child", DocumentId: child.DocumentId})
	if err != nil || related.JSON200 == nil || related.JSON200.Mode != "created" {
		return unexpected("relate", related, err)
	}
	relations, err := api.ListRelationsWithResponse(ctx, child.DocumentId)
	if err != nil || relations.JSON200 == nil || len(*relations.JSON200) != 1 || (*relations.JSON200)[0].Type != "parent" {
		return unexpected("listRelations", relations, err)
	}
	both, add, dry := []string{id, child.DocumentId}, []string{"both"}, true
	preview, err := api.TagDocumentsWithResponse(ctx, sheafapi.BulkTagging{DocumentIds: &both, Add: &add, DryRun: &dry})
	if err != nil || preview.JSON200 == nil || preview.JSON200.Changed != 2 || !preview.JSON200.DryRun {
		return unexpected("tagDocuments with dry_run", preview, err)
	}
	tagged, err := api.TagDocumentsWithResponse(ctx, sheafapi.BulkTagging{DocumentIds: &both, Add: &add, Selection: &preview.JSON200.Selection})
	if err != nil || tagged.JSON200 == nil || tagged.JSON200.Changed != 2 {
		return unexpected("tagDocuments", tagged, err)
	}
	moved, err := api.MoveDocumentWithResponse(ctx, child.DocumentId, sheafapi.DocumentMove{Collection: "field-notes"})
	if err != nil || moved.JSON200 == nil || moved.JSON200.Collection != "field-notes" {
		return unexpected("moveDocument", moved, err)
	}
	archive, err := api.DownloadCollectionArchiveWithResponse(ctx, "field-notes", nil)
	if err != nil || !bytes.HasPrefix(archive.Body, []byte("PK")) {
		return unexpected("downloadCollectionArchive", archive, err)
	}
	plan, err := api.PlanGarbageWithResponse(ctx)
	if err != nil || plan.JSON200 == nil {
		return unexpected("planGarbage", plan, err)
	}
	return nil
}

// remove moves a document to the trash and out of it.
func remove(ctx context.Context, api *sheafapi.ClientWithResponses, id string) error {
	deleted, err := api.DeleteDocumentWithResponse(ctx, id, nil)
	if err != nil || deleted.JSON200 == nil || deleted.JSON200.Message != "Document deleted successfully" {
		return unexpected("deleteDocument", deleted, err)
	}
	trash, err := api.ListTrashWithResponse(ctx, nil)
	if err != nil || trash.JSON200 == nil || len(*trash.JSON200) != 1 {
		return unexpected("listTrash", trash, err)
	}
	restored, err := api.RestoreDocumentWithResponse(ctx, id, sheafapi.Restoration{})
	if err != nil || restored.JSON200 == nil || restored.JSON200.Mode != "restored" {
		return unexpected("restoreDocument", restored, err)
	}
	return nil
}

// An answer is what every generated response is.
type answer interface {
	Status() string
	GetBody() []byte
}

// unexpected returns the error of an operation that has failed, or was answered
// otherwise than described.
func unexpected(operation string, got answer, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	return fmt.Errorf("%s answered %s: %s", operation, got.Status(), bytes.TrimSpace(got.GetBody()))
}
