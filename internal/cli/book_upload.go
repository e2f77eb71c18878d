package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/client"
)

type bookUploadOptions struct {
	*options
	assetType, as     string
	fileHash, message string
}

func newBookUploadCommand(shared *options) *cobra.Command {
	o := &bookUploadOptions{options: shared}
	cmd := &cobra.Command{
		Use:   "upload <book> <file>...",
		Short: "Upload assets of a book: images, videos, audio and slides",
		Long: `Upload assets of a book: images, videos, audio and slides. The type follows from the
name of a file unless --type says it. A book that is not there is made, unless the
store is set up otherwise.

A failure does not keep the other files from being uploaded; the exit code is that
of the first.`,
		Example: `  sheaf book upload field-notes map.png talk.mp4
  sheaf book upload field-notes draft-3.pdf --type slides --as week-1/opening.pdf`,
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return usageError(cmd, "upload needs %s", bookArgument)
			case len(args) == 1:
				return usageError(cmd, "upload needs a file")
			case len(args) > 2 && (o.as != "" || o.fileHash != ""):
				return usageError(cmd, "--as and --file-hash are for one file")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runBookUpload(cmd, o, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.assetType, "type", "", "slides, images, videos or audio (default by the name)")
	flags.StringVar(&o.as, "as", "", "filename in the book, below the directory of the type (default that of the file)")
	flags.StringVar(&o.fileHash, "file-hash", "", "SHA-256 of the content that the file replaces")
	flags.StringVarP(&o.message, "message", "m", "", "why, for the history")
	return cmd
}

func runBookUpload(cmd *cobra.Command, o *bookUploadOptions, args []string) (err error) {
	in := client.AssetInput{Book: args[0], Message: o.message}
	if o.fileHash != "" {
		digest, err := sheaf.ParseDigest(o.fileHash)
		if err != nil {
			return err
		}
		in.FileHash = &digest
	}
	store, err := o.connect(cmd, true)
	if err != nil {
		return err
	}
	defer closeInto(&err, store)
	files := args[1:]
	bar := o.showProgress(cmd, "file")
	defer bar.stop()
	bar.expect(len(files), sizeOf(files))
	trying, giveUp := context.WithCancel(cmd.Context())
	defer giveUp()
	outcome := tally{giveUp: giveUp}
	for _, file := range files {
		if trying.Err() != nil {
			break
		}
		uploaded, err := o.upload(cmd.Context(), store, in, file, bar)
		if err != nil {
			outcome.fail(cmd, file, err)
			continue
		}
		bar.did()
		outcome.succeed(uploaded.Size)
		if o.json {
			err = printJSON(cmd.OutOrStdout(), uploaded)
		} else {
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s  %s  version %d  %s\n", printable(uploaded.Path), uploaded.Mode, uploaded.Version, printable(uploaded.CDNURL))
		}
		if err != nil {
			return err
		}
	}
	bar.stop()
	return outcome.err(cmd.Context())
}

// upload uploads one file.
func (o *bookUploadOptions) upload(ctx context.Context, store *connection, in client.AssetInput, path string, bar *progress) (client.AssetChange, error) {
	file, err := os.Open(path)
	if err != nil {
		return client.AssetChange{}, missing(err)
	}
	defer file.Close()
	in.Filename = o.as
	if in.Filename == "" {
		in.Filename = filepath.Base(path)
	}
	if in.Type = sheaf.AssetType(o.assetType); in.Type == "" {
		if in.Type, err = assetTypeOf(in.Filename); err != nil {
			return client.AssetChange{}, err
		}
	}
	in.Body = file
	counted := int64(0) // of the attempt that got furthest
	in.Progress = func(sent, _ int64) {
		if bar != nil && sent > counted {
			bar.bytes.Add(sent - counted)
			counted = sent
		}
	}
	return store.UploadAsset(ctx, in)
}

// assetTypesByExtension are the types of what is uploaded most. The server knows
// more, and which of them belong where.
var assetTypesByExtension = map[sheaf.AssetType]string{
	sheaf.AssetSlides: ".pdf .ppt .pptx .odp .html .htm .md .markdown",
	sheaf.AssetImages: ".png .jpg .jpeg .gif .webp .avif .svg .bmp .tif .tiff .jxl .ico",
	sheaf.AssetVideos: ".mp4 .m4v .webm .ogv .mov .mkv .mpg .mpeg .avi .vtt .srt",
	sheaf.AssetAudio:  ".mp3 .m4a .aac .oga .ogg .opus .wav .flac .weba .mid .midi",
}

func assetTypeOf(filename string) (sheaf.AssetType, error) {
	extension := strings.ToLower(filepath.Ext(filename))
	for _, t := range sheaf.AssetTypes() {
		for known := range strings.FieldsSeq(assetTypesByExtension[t]) {
			if known == extension {
				return t, nil
			}
		}
	}
	return "", sheaf.Errorf(sheaf.ErrInvalid, "the name does not say what type of asset it is").
		WithHint("say it with --type slides, images, videos or audio")
}

// sizeOf returns the size of files together, 0 when that of one is not known.
func sizeOf(files []string) (total int64) {
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			return 0
		}
		total += info.Size()
	}
	return total
}
