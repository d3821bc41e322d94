/**
 * Reads a binary frame: a safetensors file, in place. The arrays are views on the frame's own
 * memory, so nothing is copied.
 */

/** @typedef {{shape: readonly number[], data: Float32Array | Float64Array}} Tensor */
/** @typedef {{metadata: Readonly<Record<string, string>>, tensors: Readonly<Record<string, Tensor>>}} Frame */

const ARRAY_OF = Object.freeze({ F32: Float32Array, F64: Float64Array });

/**
 * @param {ArrayBuffer} buffer
 * @returns {Frame}
 * @throws {Error} where the bytes are no frame of this protocol
 */
export function readFrame(buffer) {
  if (buffer.byteLength < 8) throw new Error(`frame is too short: got ${buffer.byteLength} bytes; expected at least 8.`);
  const headerBytes = Number(new DataView(buffer).getBigUint64(0, true));
  const dataStart = 8 + headerBytes;
  if (dataStart > buffer.byteLength) throw new Error(`frame header is cut off: got ${buffer.byteLength} bytes; expected ${dataStart}.`);
  const { __metadata__: metadata = {}, ...entries } = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, headerBytes)));
  /** @type {Record<string, Tensor>} */
  const tensors = {};
  for (const [name, { dtype, shape, data_offsets: offsets }] of Object.entries(entries)) {
    const ArrayType = ARRAY_OF[/** @type {keyof typeof ARRAY_OF} */ (dtype)];
    if (!ArrayType) throw new Error(`tensor ${name} has an unknown dtype: got ${dtype}; expected F32 or F64.`);
    const length = (offsets[1] - offsets[0]) / ArrayType.BYTES_PER_ELEMENT;
    tensors[name] = { shape, data: new ArrayType(buffer, dataStart + offsets[0], length) };
  }
  return { metadata, tensors };
}

/**
 * The part of a tensor that belongs to one sequence of a batch; the tensor itself without one.
 * @param {Tensor} tensor
 * @param {number} rank  the tensor's rank without a batch axis
 * @param {number} sequence  from 0
 * @returns {Tensor}
 */
export function oneOfBatch(tensor, rank, sequence) {
  if (tensor.shape.length === rank) return tensor;
  const shape = tensor.shape.slice(1);
  const size = shape.reduce((product, each) => product * each, 1);
  const start = Math.min(sequence, (tensor.shape[0] ?? 1) - 1) * size;
  return { shape, data: tensor.data.subarray(start, start + size) };
}
