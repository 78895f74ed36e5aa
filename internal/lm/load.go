package lm

import (
	"path/filepath"

	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/tokenizer"
)

// Read returns what is in the model folder dir, and its tokenizer. A folder that
// breaks the contract is a *badfile.Error; a missing one wraps fs.ErrNotExist.
func Read(dir string) (*modeldir.Model, *tokenizer.Tokenizer, error) {
	folder, err := modeldir.Load(dir)
	if err != nil {
		return nil, nil, err
	}
	path := filepath.Join(dir, modeldir.TokenizerFile)
	tok, err := tokenizer.Parse(folder.TokenizerJSON)
	if err != nil {
		return nil, nil, badfile.At(path, err)
	}
	if tok.Size() != folder.Config.VocabSize {
		return nil, nil, badfile.New(path, "model.vocab", "has %d words; %s wants the %d of vocab_size",
			tok.Size(), modeldir.ConfigFile, folder.Config.VocabSize)
	}
	return folder, tok, nil
}

// Load returns the model of the model folder dir and its tokenizer. Errors are those of
// Read.
func Load[F Float](dir string) (*Model[F], *tokenizer.Tokenizer, error) {
	folder, tok, err := Read(dir)
	if err != nil {
		return nil, nil, err
	}
	m, err := FromTensors[F](folder.Config, folder.Tensors)
	if err != nil {
		return nil, nil, err
	}
	return m, tok, nil
}
