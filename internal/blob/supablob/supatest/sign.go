package supatest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"
)

// claims are what the token in a signed URL says.
type claims struct {
	URL     string `json:"url"` // the bucket and the key
	Upsert  bool   `json:"upsert,omitempty"`
	Upload  bool   `json:"upload,omitempty"`
	Issued  int64  `json:"iat"`
	Expires int64  `json:"exp"`
}

// token returns claims as a JSON Web Token.
func (s *Server) token(c claims) string {
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256"}`))
	payload, err := json.Marshal(c)
	if err != nil {
		panic(err) // strings and numbers can always be encoded
	}
	signed := header + "." + base64.RawURLEncoding.EncodeToString(payload)
	return signed + "." + base64.RawURLEncoding.EncodeToString(s.signature(signed))
}

func (s *Server) signature(text string) []byte {
	mac := hmac.New(sha256.New, s.secret)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// verify returns what the token of a request says, if it is for its object.
func (s *Server) verify(r *http.Request, upload bool) (c claims, err error) {
	text := r.URL.Query().Get("token")
	at := strings.LastIndexByte(text, '.')
	if at < 0 {
		return c, errToken("jwt malformed")
	}
	signature, err := base64.RawURLEncoding.DecodeString(text[at+1:])
	if err != nil || !hmac.Equal(signature, s.signature(text[:at])) {
		return c, errToken("signature verification failed")
	}
	_, payload, _ := strings.Cut(text[:at], ".")
	decoded, err := base64.RawURLEncoding.DecodeString(payload)
	if err == nil {
		err = json.Unmarshal(decoded, &c)
	}
	switch {
	case err != nil:
		return c, errToken("jwt malformed")
	case c.Expires < s.Now().Unix():
		return c, errToken(`"exp" claim timestamp check failed`)
	case c.Upload != upload || c.URL != r.PathValue("bucket")+"/"+r.PathValue("key"):
		return c, &failure{http.StatusBadRequest, "InvalidSignature", "InvalidSignature", "The url do not match the signature"}
	}
	return c, nil
}

// sign is POST /object/sign/{bucket}/{key}.
func (s *Server) sign(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		ExpiresIn int64 `json:"expiresIn"`
	}
	if err := readJSON(r, &in); err != nil {
		return err
	}
	if in.ExpiresIn < 1 {
		return &failure{http.StatusBadRequest, "InvalidRequest", "Error", "body/expiresIn must be >= 1"}
	}
	key := r.PathValue("key")
	if _, found := s.Object(key); !found {
		return errNoObject
	}
	now := s.Now()
	token := s.token(claims{URL: Bucket + "/" + key, Issued: now.Unix(), Expires: now.Add(time.Duration(in.ExpiresIn) * time.Second).Unix()})
	return writeJSON(w, map[string]string{"signedURL": "/object/sign/" + Bucket + "/" + key + "?token=" + token})
}

// readSigned is GET of a URL that sign has returned.
func (s *Server) readSigned(w http.ResponseWriter, r *http.Request) error {
	if _, err := s.verify(r, false); err != nil {
		return err
	}
	if query := r.URL.Query(); query.Has("download") {
		disposition := "attachment"
		if name := query.Get("download"); name != "" {
			disposition = mime.FormatMediaType(disposition, map[string]string{"filename": name})
		}
		w.Header().Set("Content-Disposition", disposition)
	}
	return s.read(w, r)
}

// signUpload is POST /object/upload/sign/{bucket}/{key}.
func (s *Server) signUpload(w http.ResponseWriter, r *http.Request) error {
	key, upsert := r.PathValue("key"), r.Header.Get("x-upsert") == "true"
	if _, exists := s.Object(key); exists && !upsert {
		return errExists
	}
	now := s.Now()
	token := s.token(claims{URL: Bucket + "/" + key, Upsert: upsert, Upload: true, Issued: now.Unix(), Expires: now.Add(UploadLifetime).Unix()})
	return writeJSON(w, map[string]string{
		"url": fmt.Sprintf("/object/upload/sign/%s/%s?token=%s", Bucket, key, token), "token": token,
	})
}

// upload is PUT to a URL that signUpload has returned. It works once, because
// then the object is there.
func (s *Server) upload(w http.ResponseWriter, r *http.Request) error {
	c, err := s.verify(r, true)
	if err != nil {
		return err
	}
	return s.store(w, r, c.Upsert)
}
