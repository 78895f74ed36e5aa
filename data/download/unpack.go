package download

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// limits on what an archive may unpack to.
type limits struct {
	entries int
	bytes   int64
	// ratio bounds the unpacked bytes per byte of archive, above the first few.
	// Deflate reaches 1,032.
	ratio, ratioFree int64
}

// safe are the limits of Unpack; the largest data set's archive needs a
// twentieth of each.
var safe = limits{entries: 100_000, bytes: 4 << 30, ratio: 100, ratioFree: 16 << 20}

// allowed returns the bytes that an archive of the given size may unpack to.
func (l limits) allowed(size int64) int64 {
	return min(l.bytes, l.ratioFree+l.ratio*min(size, l.bytes))
}

// ArchiveError says why an archive was not unpacked.
type ArchiveError struct {
	Archive string
	Entry   string // empty where it is the whole archive
	Problem string
}

func (e *ArchiveError) Error() string {
	if e.Entry == "" {
		return fmt.Sprintf("%s: %s", e.Archive, e.Problem)
	}
	return fmt.Sprintf("%s: the entry %.120q %s", e.Archive, e.Entry, e.Problem)
}

// Unpack unpacks the .zip, .tar.gz or .tgz archive at path into dir, which it
// makes. Only folders and regular files are unpacked, and only below dir: an
// entry with an absolute path or a "..", a link, a device, an entry that is
// there twice, and more entries or bytes than the bounds are an *ArchiveError.
// After an error dir is removed.
func Unpack(ctx context.Context, archive, dir string) error {
	return unpack(ctx, archive, dir, safe)
}

func unpack(ctx context.Context, archive, dir string, l limits) (err error) {
	info, err := os.Stat(archive)
	if err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o777); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	u := &unpacker{
		ctx: ctx, name: filepath.Base(archive), root: root, limits: l, left: l.allowed(info.Size()),
	}
	if strings.HasSuffix(archive, ".zip") {
		return u.zip(archive, info.Size())
	}
	if strings.HasSuffix(archive, ".tar.gz") || strings.HasSuffix(archive, ".tgz") {
		return u.tar(archive)
	}
	return &ArchiveError{u.name, "", "want a .zip, a .tar.gz or a .tgz"}
}

type unpacker struct {
	ctx     context.Context
	name    string   // of the archive
	root    *os.Root // no path leaves it, whatever the checks below let through
	limits  limits
	entries int
	left    int64 // bytes that may still be unpacked
}

func (u *unpacker) bad(entry, format string, args ...any) error {
	return &ArchiveError{u.name, entry, fmt.Sprintf(format, args...)}
}

func (u *unpacker) zip(archive string, size int64) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := zip.NewReader(f, size)
	if err != nil {
		return u.bad("", "is no zip archive: %v", err)
	}
	for _, e := range z.File {
		if err := u.zipEntry(e); err != nil {
			return err
		}
	}
	return nil
}

func (u *unpacker) zipEntry(e *zip.File) error {
	if e.Mode().IsDir() {
		return u.entry(e.Name, fs.ModeDir, nil)
	}
	in, err := e.Open()
	if err != nil {
		return u.bad(e.Name, "cannot be read: %v", err)
	}
	defer in.Close()
	return u.entry(e.Name, e.Mode().Type(), in)
}

func (u *unpacker) tar(archive string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return u.bad("", "is no gzip file: %v", err)
	}
	// The headers count as well: there may be any number of them before an entry.
	in := tar.NewReader(&bounded{&cancelable{u.ctx, z}, u.left, u.tooMuch("")})
	for {
		h, err := in.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return u.blame(err, "", "is no tar archive")
		}
		switch h.Typeflag {
		case tar.TypeXGlobalHeader: // a comment of the archiver
		case tar.TypeReg:
			err = u.entry(h.Name, 0, in)
		case tar.TypeDir:
			err = u.entry(h.Name, fs.ModeDir, nil)
		case tar.TypeSymlink, tar.TypeLink:
			err = u.bad(h.Name, "is a link; want folders and regular files only")
		default:
			err = u.bad(h.Name, "is of type %q; want folders and regular files only", h.Typeflag)
		}
		if err != nil {
			return err
		}
	}
}

// entry unpacks one folder, or one file from in.
func (u *unpacker) entry(name string, mode fs.FileMode, in io.Reader) error {
	if err := u.ctx.Err(); err != nil {
		return err
	}
	if u.entries++; u.entries > u.limits.entries {
		return u.bad("", "has more than %d entries", u.limits.entries)
	}
	// Backslashes and colons would mean something else on Windows.
	if strings.ContainsAny(name, "\\:\x00") || path.IsAbs(name) || strings.Contains("/"+name+"/", "/../") || !filepath.IsLocal(filepath.FromSlash(name)) {
		return u.bad(name, "would lie outside the folder it is unpacked to")
	}
	clean := filepath.FromSlash(path.Clean(name))
	if mode == fs.ModeDir {
		return u.disk(name, u.root.MkdirAll(clean, 0o777))
	}
	if mode&fs.ModeSymlink != 0 {
		return u.bad(name, "is a link; want folders and regular files only")
	}
	if mode != 0 {
		return u.bad(name, "is a %v; want folders and regular files only", mode)
	}
	if err := u.root.MkdirAll(filepath.Dir(clean), 0o777); err != nil {
		return u.disk(name, err)
	}
	out, err := u.root.OpenFile(clean, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return u.disk(name, err)
	}
	return errors.Join(u.copy(name, out, in), out.Close())
}

func (u *unpacker) tooMuch(entry string) error {
	return u.bad(entry, "makes the archive unpack to too much: at most %d bytes, and %d times its size, are allowed", u.limits.bytes, u.limits.ratio)
}

func (u *unpacker) copy(name string, out *os.File, in io.Reader) error {
	n, err := io.Copy(out, io.LimitReader(&cancelable{u.ctx, in}, u.left+1))
	if u.left -= n; u.left < 0 {
		return u.tooMuch(name)
	}
	if err != nil {
		return u.blame(err, name, "cannot be unpacked")
	}
	return out.Sync()
}

// blame makes an error of reading the archive's, unless the user stopped it, the
// disk failed, or it is one already.
func (u *unpacker) blame(err error, entry, problem string) error {
	var bad *ArchiveError
	var disk *fs.PathError
	if u.ctx.Err() != nil || errors.As(err, &bad) || errors.As(err, &disk) {
		return err
	}
	return u.bad(entry, "%s: %v", problem, err)
}

// bounded is a reader that fails beyond left bytes.
type bounded struct {
	in   io.Reader
	left int64
	over error
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.in.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, b.over
	}
	return n, err
}

// disk tells what the archive is to blame for from what the disk is.
func (u *unpacker) disk(name string, err error) error {
	if errors.Is(err, fs.ErrExist) || errors.Is(err, syscall.ENOTDIR) {
		return u.bad(name, "is there twice, or both a file and a folder")
	}
	return err
}
