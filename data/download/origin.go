package download

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/engram-lm/engram/data/registry"
)

// maxUnknown bounds a file of which the registry does not know the size.
const maxUnknown = 1 << 30

// origin is where the files of one set come from.
type origin struct {
	set  registry.Set
	opts Options
	// mirror is empty for the publishers; else a folder or an address.
	mirror string
	remote bool // mirror is an address
}

func newOrigin(set registry.Set, opts Options) (*origin, error) {
	o := &origin{set: set, opts: opts, mirror: opts.From}
	if o.mirror == "" {
		for _, s := range set.Sources {
			if s.URL == "" {
				return nil, &UsageError{fmt.Sprintf("%s has no public address; take it from a mirror with --from DIR|URL", set.Name)}
			}
		}
		return o, nil
	}
	if u, err := url.Parse(o.mirror); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		if u.Host == "" {
			return nil, &UsageError{fmt.Sprintf("--from %s names no host; want http://HOST/PATH or a folder", o.mirror)}
		}
		o.remote = true
		return o, nil
	}
	if info, err := os.Stat(o.mirror); err != nil || !info.IsDir() {
		return nil, &UsageError{fmt.Sprintf("--from %s is no folder; want a folder or an http(s) address that has %s/%s", o.mirror, set.Name, set.Sources[0].Name)}
	}
	return o, nil
}

// place fetches one source and puts what becomes of it under whole. Archives
// pass through stage.
func (o *origin) place(ctx context.Context, s registry.Source, stage, whole string) error {
	if s.Unpack == "" {
		return o.fetch(ctx, s, filepath.Join(whole, s.Name))
	}
	archive := filepath.Join(stage, s.Name)
	if err := o.fetch(ctx, s, archive); err != nil {
		return err
	}
	open := archive + ".open"
	if err := Unpack(ctx, archive, open); err != nil {
		return err
	}
	for _, m := range s.Members {
		from := filepath.Join(open, filepath.FromSlash(s.Unpack), m.Name)
		if err := m.VerifyFile(from); errors.Is(err, fs.ErrNotExist) {
			return &ArchiveError{s.Name, s.Unpack + "/" + m.Name, "is not in it"}
		} else if err != nil {
			return err
		}
		if err := os.Rename(from, filepath.Join(whole, m.Name)); err != nil {
			return err
		}
	}
	// Gone before the rename, so that the disk never holds it twice for long.
	return errors.Join(os.RemoveAll(open), os.Remove(archive))
}

// place to look for a source in a mirror.
type candidate struct {
	at   string // path or address
	file registry.File
	note string
}

func (o *origin) candidates(s registry.Source) []candidate {
	if o.mirror == "" {
		return []candidate{{at: s.URL, file: s.File}}
	}
	join := func(dir, name string) string { return filepath.Join(o.mirror, dir, name) }
	if o.remote {
		join = func(dir, name string) string {
			return strings.TrimSuffix(o.mirror, "/") + "/" + url.PathEscape(dir) + "/" + url.PathEscape(name)
		}
	}
	var list []candidate
	for _, dir := range append([]string{o.set.Name}, o.set.Mirrors...) {
		list = append(list, candidate{at: join(dir, s.Name), file: s.File})
		for _, alt := range s.Instead {
			list = append(list, candidate{at: join(dir, alt.Name), file: alt.File, note: alt.Note})
		}
	}
	return list
}

// fetch writes a source to path, from the first place that has it, and
// verifies it. What is at path after an error is the caller's to remove.
func (o *origin) fetch(ctx context.Context, s registry.Source, path string) error {
	list := o.candidates(s)
	for _, c := range list {
		err := o.fetchFrom(ctx, c, path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil && c.note != "" {
			o.opts.Log(fmt.Sprintf("%s: %s", o.set.Name, c.note))
		}
		return err
	}
	where := list[0].at
	if len(list) > 1 {
		where += " (nor under the set's other names)"
	}
	return fmt.Errorf("%s is not at %s: want a mirror laid out as NAME/FILE, or no --from for the publisher's address", s.Name, where)
}

func (o *origin) fetchFrom(ctx context.Context, c candidate, path string) error {
	if o.mirror == "" || o.remote {
		return o.request(ctx, c, path)
	}
	in, err := os.Open(c.at)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", c.at)
	}
	return o.write(c, path, &cancelable{ctx, in}, info.Size())
}

// write copies one file from in to path, counts and verifies it.
func (o *origin) write(c candidate, path string, in io.Reader, size int64) (err error) {
	limit := c.file.Size
	if limit == 0 {
		limit = maxUnknown
	}
	out, err := os.Create(path) // a second try starts over
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	bar := o.opts.Progress(filepath.Base(c.file.Name), size)
	defer bar.Close()
	v := c.file.NewVerifier(c.at)
	n, err := io.Copy(io.MultiWriter(out, v, bar), io.LimitReader(in, limit+1))
	if err != nil {
		return fmt.Errorf("%s: %w", c.at, err)
	}
	if c.file.Size == 0 && n > limit {
		return fmt.Errorf("%s is larger than %d MiB", c.at, limit>>20)
	}
	if err := v.Check(); err != nil {
		return err
	}
	return out.Sync()
}

// cancelable is a reader that fails once its context is done.
type cancelable struct {
	ctx context.Context
	in  io.Reader
}

func (c *cancelable) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.in.Read(b)
}
