// Command score loads a model folder and says how well it predicts a text.
//
//	score MODELFOLDER TEXT
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"

	"github.com/engram-lm/engram/plasticlstm/lm"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("want a model folder and a text")
	}
	model, err := lm.Load(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	text, err := os.Open(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	defer text.Close()
	score, err := model.Score(context.Background(), text)
	if err != nil {
		log.Fatal(err)
	}
	written, err := model.Text("", 10, lm.Sampling{Temperature: 1, Seed: 1})
	if err != nil {
		log.Fatal(err)
	}
	check := json.NewEncoder(os.Stdout).Encode(map[string]any{
		"nll": score.NLL, "tokens": score.Tokens, "perplexity": score.Perplexity(), "bpc": score.BPC, "wrote": written,
	})
	if check != nil {
		log.Fatal(check)
	}
}
