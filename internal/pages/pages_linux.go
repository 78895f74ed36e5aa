package pages

import "golang.org/x/sys/unix"

// advise asks for huge pages. It is advice: that it may not be taken is no error.
func advise(b []byte) { _ = unix.Madvise(b, unix.MADV_HUGEPAGE) }
