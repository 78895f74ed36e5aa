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

// Bounds on what an archive may unpack to; the largest data set's needs a
// twentieth of each.
const (
	maxEntries = 100_000
	maxBytes   = 4 << 30
	// maxRatio bounds the unpacked bytes per byte of archive, above the first
	// few MiB. Deflate reaches 1,032.
	maxRatio  = 100
	ratioFree = 16 << 20
)

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
func Unpack(ctx context.Context, archive, dir string) (err error) {
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
		ctx: ctx, name: filepath.Base(archive), root: root,
		left: min(maxBytes, ratioFree+maxRatio*info.Size()),
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
	in := tar.NewReader(z)
	for {
		h, err := in.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return u.bad("", "is no tar archive: %v", err)
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
	if u.entries++; u.entries > maxEntries {
		return u.bad("", "has more than %d entries", maxEntries)
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

func (u *unpacker) copy(name string, out *os.File, in io.Reader) error {
	n, err := io.Copy(out, io.LimitReader(&cancelable{u.ctx, in}, u.left+1))
	if u.left -= n; u.left < 0 {
		return u.bad(name, "makes the archive unpack to too much: at most %d bytes, and %d times its size, are allowed", int64(maxBytes), maxRatio)
	}
	if err != nil && u.ctx.Err() == nil {
		var disk *fs.PathError
		if !errors.As(err, &disk) {
			return u.bad(name, "cannot be unpacked: %v", err)
		}
	}
	if err != nil {
		return err
	}
	return out.Sync()
}

// disk tells what the archive is to blame for from what the disk is.
func (u *unpacker) disk(name string, err error) error {
	if errors.Is(err, fs.ErrExist) || errors.Is(err, syscall.ENOTDIR) {
		return u.bad(name, "is there twice, or both a file and a folder")
	}
	return err
}
