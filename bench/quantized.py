#!/usr/bin/env python3
"""Runs a script of a PyTorch captioner with the linear layers and LSTMs quantised to int8 (quantize_dynamic).

Usage: quantized.py SCRIPT [options of the script]. The models are quantised when they are set to inference (eval()).
"""
import runpy
import sys

import torch
from torch import nn
from torch.ao.quantization import quantize_dynamic

# Of the two engines of x86, oneDNN is the faster one for these sizes, where PyTorch has it.
engines = torch.backends.quantized.supported_engines
torch.backends.quantized.engine = next(name for name in ('onednn', 'fbgemm', 'qnnpack') if name in engines)
to_inference = nn.Module.eval


def quantised_eval(module):
    to_inference(module)
    return quantize_dynamic(module, {nn.Linear, nn.LSTM}, inplace=True)


nn.Module.eval = quantised_eval
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name='__main__')
