package main

import (
	"context"
	"io"
	"strings"
	"testing"
)

// Rows find their places: a new processor's table at the end, a new row under the
// others, one that is there already in its place, and a table of another commit goes.
func TestPutRow(t *testing.T) {
	const doc = "# Performance\n\ntext\n\n" + tableBegin + tableEnd + "\nmore\n"
	const head = "| h |\n| --- |\n"
	text := doc
	put := func(processor, head, name, value string) {
		text = string(putRow(text, processor, head, name, "| "+name+" | "+value+" |\n"))
	}
	put("P", head, "a", "1")
	put("P", head, "a, one core", "2")
	put("Q", head, "a", "3")
	put("P", head, "a", "4")
	put("P", head, "b", "5")
	want := "# Performance\n\ntext\n\n" + tableBegin + "\n### P\n\n" + head + "| a | 4 |\n| a, one core | 2 |\n| b | 5 |\n\n### Q\n\n" + head + "| a | 3 |\n" + tableEnd + "\nmore\n"
	if text != want {
		t.Errorf("%s\nwant\n%s", text, want)
	}
	other := strings.Replace(head, "h", "k", 1)
	put("P", other, "a", "6")
	want = "# Performance\n\ntext\n\n" + tableBegin + "\n### Q\n\n" + head + "| a | 3 |\n\n### P\n\n" + other + "| a | 6 |\n" + tableEnd + "\nmore\n"
	if text != want {
		t.Errorf("%s\nwant\n%s", text, want)
	}
	put("Q", other, "a", "7")
	if strings.Count(text, "### Q") != 1 || !strings.Contains(text, "| a | 7 |\n"+tableEnd) {
		t.Errorf("%s", text)
	}
}

func TestTableUsage(t *testing.T) {
	for _, args := range [][]string{
		{"--table", "F"}, {"--table", "F", "--at", "HEAD"}, {"--at", "HEAD"}, {"--rows", "lstm"},
		{"--table", "F", "--at", "HEAD", "--peer", "P", "--vs", "Q"}, {"--table", "F", "--at", "HEAD", "--peer", "P", "--rows", "gru"},
	} {
		if err := run(context.Background(), args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "want") {
			t.Errorf("%v: %v", args, err)
		}
	}
}
