package lstm

// Role is what a parameter or a part of the state is there for. Who trains, freezes,
// counts or shows them asks for the role, not for a name.
type Role string

// Roles of parameters.
const (
	Weight      Role = ""             // of a connection or a bias, as a standard layer has them
	Coefficient Role = "coefficients" // what a trace counts for
	Rate        Role = "rates"        // how fast traces change
	Modulator   Role = "modulator"    // of the neuromodulator
)

// Roles of parts of the state. What is no activity learns while it is carried.
const (
	Activity         Role = "" // outputs and cells
	HebbianTrace     Role = "Hebbian trace"
	EligibilityTrace Role = "eligibility trace"
	Threshold        Role = "sliding threshold"
	Memory           Role = "memory" // of what was read, in another form
)
