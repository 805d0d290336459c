/** The numbers that a captioner computes with: float32, or integers of 8 bits in the layers of isQuantized(). */
export type Precision = 'float32' | 'int8'

/**
 * Whether int8 inference quantises the products with a weight of a captioner, given by its name: those of feed-forward
 * layers, LSTMs and the output layer. The others stay in float32:
 * - the layer on the features, whose outliers (29 times the mean size) leave few steps of the integers to the rest;
 * - the projections of MIA's attention, whose errors change more captions than those of all the others together;
 * - small products.
 * docs/results.md has the measurements.
 */
export const isQuantized = (weight: string): boolean =>
  /(^|\.)(feedForward\.(inner|outer)\.weight|decoder\.output\.weight|lstm\.weight_[ih]h)$/.test(weight)

/** Whether a weight, given by its name, is that of an output layer. */
export const isOutput = (weight: string): boolean => weight.endsWith('decoder.output.weight')
