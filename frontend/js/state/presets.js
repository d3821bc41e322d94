/** Named starting points. Each is a link, so each is an Experiment like any other. */
export const PRESETS = Object.freeze([
  { name: "linear, ρ just above 1", hash: "#rho=1.03&phi=linear" },
  { name: "the same with tanh", hash: "#rho=1.03" },
  { name: "tanh at ρ = 1.5: ρ > 1 and yet nothing explodes", hash: "#rho=1.5" },
  { name: "one unit, w = 2: ρ > 1 and yet it vanishes", hash: "#rho=2&H=1&ensemble=identity&T=60&h0=random&input=silence" },
  { name: "ReLU at ρ = 2: past the end of float32", hash: "#rho=2&phi=relu&T=2000" },
  { name: "orthogonal: nothing is lost", hash: "#rho=1&phi=linear&ensemble=orthogonal&T=1000" },
  { name: "rotation: every |λ| = 1", hash: "#rho=1&phi=linear&ensemble=rotation" },
  { name: "delay line: dead after H steps", hash: "#phi=linear&ensemble=delay_line&H=32&T=100" },
  { name: "ring: an impulse that goes round and round", hash: "#rho=1&phi=linear&ensemble=ring&H=32" },
  { name: "antisymmetric: eigenvalues on the imaginary axis alone", hash: "#rho=1&phi=linear&ensemble=antisymmetric" },
  { name: "noise into tanh at ρ = 1.2", hash: "#rho=1.2&input=noise" },
  { name: "LSTM, forget bias ln(T − 1): the gradient survives", hash: "#rho=1&cell=lstm&forget=5.2933&input=noise" },
  { name: "LSTM, forget bias 0: half is forgotten at every step", hash: "#rho=1&cell=lstm&input=noise" },
  { name: "Elman beside LSTM: only one gradient survives", hash: "#rho=1&input=noise&forget=5.2933&compare=lstm" },
  { name: "no state, no memory: feedforward beside Elman", hash: "#rho=1&input=noise&compare=feedforward" },
  { name: "GRU under noise", hash: "#rho=1&cell=gru&input=noise" },
]);
