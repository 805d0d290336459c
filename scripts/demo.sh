#!/usr/bin/env bash
# Runs every step on Flickr8k, from the dataset to captions, in minutes: trains one epoch instead of 30.
# FLICKR8K is the folder of Flickr8k, CNN the feature extractor as an ONNX file.
set -euo pipefail
cd "$(dirname "$0")/.."
flickr8k=${FLICKR8K:-../shared/data/flickr8k}
cnn=${CNN:-../shared/weights/mobilenet_v2_imagenet.onnx}
for path in "$flickr8k" "$cnn"; do
  [ -e "$path" ] || { echo "Cannot find \"$path\": set FLICKR8K to Flickr8k's folder and CNN to an ONNX file" >&2; exit 1; }
done
npx mia prepare flickr8k --root "$flickr8k" --out data/demo
npx mia features --data data/demo --cnn "$cnn"
npx mia concepts train --data data/demo
npx mia concepts detect --data data/demo
npx mia train --data data/demo --basic-model VisualAttention --mia --epochs 1 --out runs/demo
npx mia test --run runs/demo --split val --beam 3
npx mia caption --run runs/demo "$(find "$flickr8k/images" -name '*.jpg' | sort | head -n 1)"
