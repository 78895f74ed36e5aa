package op

import G "gorgonia.org/gorgonia"

// Collision reports whether two nodes of a graph have the same hash. gorgonia
// knows nodes by 32-bit hashes and silently runs one of two such nodes in the
// place of both; a graph of a thousand nodes meets this once in some ten
// thousand builds. Building the graph again gives the operations of this package
// new identities, and so new hashes.
func Collision(g *G.ExprGraph) bool {
	seen := map[uint32]*G.Node{}
	for _, n := range g.AllNodes() {
		if other, ok := seen[n.Hashcode()]; ok && other != n {
			return true
		}
		seen[n.Hashcode()] = n
	}
	return false
}
