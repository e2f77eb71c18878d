package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/sheaf-dev/sheaf"
)

// mostJSON bounds, in bytes, a body that describes a document or a collection:
// twice what valid values have, so that the library can say what is too long.
func (s *server) mostJSON() int64 {
	most := int64(64 << 10)
	for _, field := range uploadFields(s.limits) {
		most += 2 * field.limit
	}
	return most
}

// mostWrong is after how many fields that are wrong a body is not looked at any
// further: a few megabytes of them would make an error of gigabytes.
const mostWrong = 100

// isJSON reports whether a Content-Type is that of a JSON text.
func isJSON(contentType string) bool {
	mediaType, _, err := mime.ParseMediaType(contentType)
	return err == nil && (mediaType == "application/json" || strings.HasSuffix(mediaType, "+json"))
}

// readJSON reads the body of a request, a JSON object of at most that many
// bytes, into the struct that into points to. No body at all is the empty object.
// All fields that are wrong are reported at once, up to [mostWrong].
func (s *server) readJSON(w http.ResponseWriter, r *http.Request, most int64, into any) error {
	if contentType := r.Header.Get("Content-Type"); contentType != "" && !isJSON(contentType) {
		return sheaf.Errorf(sheaf.ErrUnsupported, "the body has to be application/json, not %q", sheaf.Clip(contentType)).
			WithHint("send Content-Type: application/json")
	}
	if err := tooLong(w, r, most, fmt.Sprintf("this one is %d", most)); err != nil {
		return err
	}
	body := &idleReader{body: r.Body, connection: http.NewResponseController(w), idle: s.idle}
	text, err := io.ReadAll(io.LimitReader(body, most+1))
	switch {
	case body.err != nil:
		return unreadBody{body.err}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return unreadBody{errCutOff}
	case err != nil:
		return unreadBody{&sheaf.Error{Kind: sheaf.ErrInvalid, Message: "the body cannot be read", Err: err}}
	case int64(len(text)) > most:
		return unreadBody{sheaf.Errorf(sheaf.ErrTooLarge, "the body has more than %d bytes, which is its limit", most)}
	}
	body.done()
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	return decodeJSON(text, into)
}

// errCutOff is of a body that ends before the length it announced.
var errCutOff = sheaf.Invalid("body", "the body is cut off before its end").
	WithHint("nothing was stored, send it again")

// decodeJSON reads a JSON object into the struct that into points to. It is
// stricter than encoding/json, which drops fields it does not know, takes names
// in any case and the last of several, and puts U+FFFD in the place of what is
// not Unicode; and it reports all fields that are wrong, up to
// [mostWrong], not the first.
func decodeJSON(text []byte, into any) error {
	switch {
	case !utf8.Valid(text):
		return sheaf.Invalid("body", "the body is not valid UTF-8")
	case hasLoneSurrogate(text):
		return sheaf.Invalid("body", `the body has half of a surrogate pair, such as \ud83d alone, which is no character`)
	}
	if err := json.Unmarshal(text, new(json.RawMessage)); err != nil {
		message := "the body is not JSON: " + strings.TrimPrefix(err.Error(), "json: ")
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			message += fmt.Sprintf(" (at byte %d)", syntax.Offset)
		}
		return sheaf.Invalid("body", message)
	}
	return sheaf.InvalidFields(decodeObject("", text, reflect.ValueOf(into).Elem())...)
}

// decodeObject reads a valid JSON text, which has to be an object, into a struct.
// Prefix stands before the names of fields in errors.
func decodeObject(prefix string, text []byte, into reflect.Value) (wrong []error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if token, _ := decoder.Token(); token != json.Delim('{') {
		name := strings.TrimSuffix(prefix, ".")
		if name == "" {
			name = "body"
		}
		return []error{sheaf.Invalid(name, fmt.Sprintf("%s has to be a JSON object", name))}
	}
	seen := map[string]bool{}
	for decoder.More() && len(wrong) < mostWrong {
		key, _ := decoder.Token()
		var value json.RawMessage
		_ = decoder.Decode(&value) // the text is valid
		name := key.(string)       // what else a key could be
		field, known := jsonField(into, name)
		path := prefix + sheaf.Clip(name)
		switch {
		case !known:
			wrong = append(wrong, sheaf.Invalid(path, fmt.Sprintf("there is no field %q; the fields are %s", path, jsonFields(into.Type()))))
		case seen[name]:
			wrong = append(wrong, sheaf.Invalid(path, path+" is given more than once"))
		case string(value) != "null": // which is as good as absent
			wrong = append(wrong, decodeField(path, value, field)...)
		}
		seen[name] = true
	}
	return wrong
}

// decodeField reads the value of a field.
func decodeField(path string, value json.RawMessage, into reflect.Value) []error {
	if into.Kind() == reflect.Pointer && into.Type().Elem().Kind() == reflect.Struct {
		into.Set(reflect.New(into.Type().Elem()))
		return decodeObject(path+".", value, into.Elem())
	}
	if into.Kind() == reflect.Slice && into.Type().Elem().Kind() == reflect.Struct {
		return decodeObjects(path, value, into)
	}
	if object, ok := objectIn(into); ok {
		return decodeObject(path+".", value, object)
	}
	err := json.Unmarshal(value, into.Addr().Interface())
	if err == nil && listsNull(value, into.Type()) {
		return []error{sheaf.Invalid(path, fmt.Sprintf("%s has to be %s, without null", path, jsonType(into.Type())))}
	}
	var e *sheaf.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e): // of a type that reads its own text
		return []error{sheaf.Invalid(path, e.Message)}
	}
	return []error{sheaf.Invalid(path, fmt.Sprintf("%s has to be %s", path, jsonType(into.Type())))}
}

// listsNull reports whether a value of a type that is a list of strings has null
// among them, which encoding/json takes for the empty string: tags that somebody
// has failed to fill in would be no tags.
func listsNull(value json.RawMessage, of reflect.Type) bool {
	if of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	if of.Kind() != reflect.Slice || of.Elem().Kind() != reflect.String || !bytes.Contains(value, []byte("null")) {
		return false
	}
	var elements []*string
	return json.Unmarshal(value, &elements) == nil && slices.Contains(elements, nil)
}

// objectIn returns the struct in a field that is one, or points to one, unless
// its type reads its own text.
func objectIn(into reflect.Value) (reflect.Value, bool) {
	of := into.Type()
	if of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	if of.Kind() != reflect.Struct || reflect.PointerTo(of).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return reflect.Value{}, false
	}
	if into.Kind() == reflect.Pointer {
		into.Set(reflect.New(of))
		into = into.Elem()
	}
	return into, true
}

// decodeObjects reads a list of objects.
func decodeObjects(path string, value json.RawMessage, into reflect.Value) (wrong []error) {
	decoder := json.NewDecoder(bytes.NewReader(value))
	if token, _ := decoder.Token(); token != json.Delim('[') {
		return []error{sheaf.Invalid(path, fmt.Sprintf("%s has to be %s", path, jsonType(into.Type())))}
	}
	into.Set(reflect.MakeSlice(into.Type(), 0, 0))
	for i := 0; decoder.More() && len(wrong) < mostWrong; i++ {
		var object json.RawMessage
		_ = decoder.Decode(&object) // the text is valid
		into.Set(reflect.Append(into, reflect.Zero(into.Type().Elem())))
		wrong = append(wrong, decodeObject(fmt.Sprintf("%s[%d].", path, i), object, into.Index(i))...)
	}
	return wrong
}

// jsonField returns the field of a struct that has a name in JSON, also of a
// struct that is embedded in it.
func jsonField(object reflect.Value, name string) (reflect.Value, bool) {
	for _, field := range reflect.VisibleFields(object.Type()) {
		if !field.Anonymous && jsonName(field) == name {
			return object.FieldByIndex(field.Index), true
		}
	}
	return reflect.Value{}, false
}

func jsonFields(object reflect.Type) string {
	var names []string
	for _, field := range reflect.VisibleFields(object) {
		if !field.Anonymous {
			names = append(names, jsonName(field))
		}
	}
	return strings.Join(names, ", ")
}

func jsonName(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	return name
}

// jsonType says in words what a value of a type looks like in JSON.
func jsonType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return jsonType(t.Elem())
	case reflect.Slice:
		switch t.Elem().Kind() {
		case reflect.Struct:
			return "a list of objects"
		default:
			return "a list of strings"
		}
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	}
	return "a string"
}

// hasLoneSurrogate reports whether a JSON text escapes one half of a surrogate
// pair without the other.
func hasLoneSurrogate(text []byte) bool {
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		switch unit := escapedUnit(text[i:]); {
		case unit >= 0xdc00 && unit < 0xe000:
			return true
		case unit >= 0xd800 && unit < 0xdc00:
			low := escapedUnit(text[i+6:])
			if low < 0xdc00 || low >= 0xe000 {
				return true
			}
			i += 11
		default:
			i++ // what is escaped may be a backslash itself
		}
	}
	return false
}

// escapedUnit returns the UTF-16 code unit of an escape like \u00e9 at the
// beginning of text, -1 when there is none.
func escapedUnit(text []byte) int64 {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return -1
	}
	unit, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	if err != nil {
		return -1
	}
	return int64(unit)
}

var jsonBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// writeJSON answers with a value. It fails before the first byte or not at all.
func (s *server) writeJSON(w http.ResponseWriter, status int, value any) error {
	buf := jsonBuffers.Get().(*bytes.Buffer)
	defer jsonBuffers.Put(buf)
	buf.Reset()
	encoder := json.NewEncoder(buf)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("encode an answer: %w", err)
	}
	header := w.Header()
	header["Content-Type"] = jsonContentType
	header["Content-Length"] = []string{strconv.Itoa(buf.Len())}
	s.limitSending(w, int64(buf.Len()))
	w.WriteHeader(status)
	w.Write(buf.Bytes())
	return nil
}

// jsonContentType is shared by all answers; nobody appends to it.
var jsonContentType = []string{"application/json"}
