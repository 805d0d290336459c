/** The element types of tensors. */
export type DType = 'float32' | 'float64' | 'float16' | 'int64' | 'int32' | 'uint32' | 'uint8' | 'bool'

/** The codes of the element types in ONNX files and in ONNX Runtime (`onnx.TensorProto.DataType`). */
export const ONNX_TYPE: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
}

/** The element type of an ONNX type code, or undefined if tensors cannot have that type. */
export const dtypeOf = (onnxType: number): DType | undefined =>
  (Object.keys(ONNX_TYPE) as DType[]).find((dtype) => ONNX_TYPE[dtype] === onnxType)
