"""Rhoscope's mathematics: recurrent networks run step by step, and what becomes of gradients.

Tensors in, tensors out: no web, no files, no global settings. Start with `Rollout`.
"""

from rnncore.activations import ACTIVATIONS, Activation, ln_slope, phi, slope, steepest_slope
from rnncore.attention import (
    AttentionCell,
    AttentionGradientChunk,
    AttentionRollout,
    AttentionSweep,
)
from rnncore.bins import bin_edges, largest_magnitude, min_max
from rnncore.bptt import GradientChunk, GradientSweep, gradient_norms
from rnncore.cells import ElmanCell, GRUCell, LSTMCell, LSTMState
from rnncore.checks import ArgumentError, cast
from rnncore.chunks import Cancelled, backward_bounds, chunk_bounds, uniform_bounds
from rnncore.classes import class_probabilities, output_probabilities
from rnncore.diagnosis import Diagnosis, diagnose, quantity_fate
from rnncore.editing import OPERATIONS, Analysis, apply_edits, rescale_to_radius, set_weight
from rnncore.eigenvalues import Eigensystem, move_eigenvalue
from rnncore.embeddings import EMBEDDINGS, Embedding, embedded_sequence
from rnncore.ensembles import ENSEMBLES, Ensemble, Note, RecurrentMatrix, recurrent_matrix
from rnncore.fan import Fan, fan
from rnncore.feedback import closed_loop
from rnncore.fixed_points import FixedPoint, FixedPoints, fixed_points, search_starts
from rnncore.forward import StateChunk
from rnncore.gated import GatedGradientChunk, GatedRollout, GatedSweep
from rnncore.generation import sampled_inputs
from rnncore.influence import InfluenceMap, influence_map
from rnncore.interop import (
    ModuleNames,
    RecurrentLayer,
    module_activation,
    module_name,
    recurrent_layers,
    state_dict_of,
)
from rnncore.jacobians import (
    input_jacobian,
    jacobian_eigenvalues,
    state_jacobian,
    unit_slopes,
)
from rnncore.kreiss import kreiss_constant
from rnncore.losses import CrossEntropyLoss, LinearLoss, Loss, MeanSquaredLoss, loss_direction
from rnncore.lyapunov import LyapunovSpectrum, lyapunov_spectrum
from rnncore.normality import change_normality
from rnncore.parameters import gaussian_bias, gaussian_weights
from rnncore.plane_field import PlaneField, plane_field
from rnncore.power_law import PowerLaw, local_exponents, power_law
from rnncore.powers import LargestPower, MatrixPowers, largest_power, matrix_powers
from rnncore.race import Race, race
from rnncore.readout import Readout
from rnncore.rollout import Rollout, States, rollout
from rnncore.shares import StepShares, step_shares
from rnncore.spectrum import Spectrum, spectrum
from rnncore.stability import Stability
from rnncore.stack import StackedGradientChunk, StackedRollout, StackedSweep
from rnncore.starts import DISTANCES, Distance, further_starts
from rnncore.state_space import StatePlane, state_plane, unit_plane
from rnncore.stimuli import INITIAL_STATES, INPUTS, initial_state, input_sequence
from rnncore.threads import single_threaded
from rnncore.unit_map import UnitMap, unit_map

__all__ = [
    "ACTIVATIONS",
    "DISTANCES",
    "EMBEDDINGS",
    "ENSEMBLES",
    "INITIAL_STATES",
    "INPUTS",
    "OPERATIONS",
    "Activation",
    "Analysis",
    "ArgumentError",
    "AttentionCell",
    "AttentionGradientChunk",
    "AttentionRollout",
    "AttentionSweep",
    "Cancelled",
    "CrossEntropyLoss",
    "Diagnosis",
    "Distance",
    "Eigensystem",
    "ElmanCell",
    "Embedding",
    "Ensemble",
    "Fan",
    "FixedPoint",
    "FixedPoints",
    "GRUCell",
    "GatedGradientChunk",
    "GatedRollout",
    "GatedSweep",
    "GradientChunk",
    "GradientSweep",
    "InfluenceMap",
    "LSTMCell",
    "LSTMState",
    "LargestPower",
    "LinearLoss",
    "Loss",
    "LyapunovSpectrum",
    "MatrixPowers",
    "MeanSquaredLoss",
    "ModuleNames",
    "Note",
    "PlaneField",
    "PowerLaw",
    "Race",
    "Readout",
    "RecurrentLayer",
    "RecurrentMatrix",
    "Rollout",
    "Spectrum",
    "Stability",
    "StackedGradientChunk",
    "StackedRollout",
    "StackedSweep",
    "StateChunk",
    "StatePlane",
    "States",
    "StepShares",
    "UnitMap",
    "apply_edits",
    "backward_bounds",
    "bin_edges",
    "cast",
    "change_normality",
    "chunk_bounds",
    "class_probabilities",
    "closed_loop",
    "diagnose",
    "embedded_sequence",
    "fan",
    "fixed_points",
    "further_starts",
    "gaussian_bias",
    "gaussian_weights",
    "gradient_norms",
    "influence_map",
    "initial_state",
    "input_jacobian",
    "input_sequence",
    "jacobian_eigenvalues",
    "kreiss_constant",
    "largest_magnitude",
    "largest_power",
    "ln_slope",
    "local_exponents",
    "loss_direction",
    "lyapunov_spectrum",
    "matrix_powers",
    "min_max",
    "module_activation",
    "module_name",
    "move_eigenvalue",
    "output_probabilities",
    "phi",
    "plane_field",
    "power_law",
    "quantity_fate",
    "race",
    "recurrent_layers",
    "recurrent_matrix",
    "rescale_to_radius",
    "rollout",
    "sampled_inputs",
    "search_starts",
    "set_weight",
    "single_threaded",
    "slope",
    "spectrum",
    "state_dict_of",
    "state_jacobian",
    "state_plane",
    "steepest_slope",
    "step_shares",
    "uniform_bounds",
    "unit_map",
    "unit_plane",
    "unit_slopes",
]
