import { BGR255, IMAGENET, type Normalisation, SYMMETRIC } from '../preprocessing.ts'

/**
 * Networks of other origin than torchvision, by the SHA-256 of the file: ONNX files do not tell their normalisation.
 */
const KNOWN: Readonly<Record<string, Normalisation>> = {
  // MobileNetV2 1.0 of TensorFlow's model garden, 1,001 classes
  fcc2b902ab5f544338f608609a44f87bb50a56758582f8ab4439505837c497d7: SYMMETRIC,
  // SqueezeNet 1.1 of torchvision
  '9c5dca3635e40c5d411d73b8555b9149ec193ca26a426a3ada77cb85a3ff2c01': IMAGENET,
  // YOLOX-Nano
  e8af074932d4ed7e232278e3055cefcdea3edf178874a3694ae292649fb464dd: BGR255,
}

/** The normalisation of a network by the SHA-256 of its file, in hexadecimal; torchvision's for an unknown file. */
export const normalisationOf = (sha256: string): Normalisation => KNOWN[sha256] ?? IMAGENET
