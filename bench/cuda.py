#!/usr/bin/env python3
"""Runs a script of a PyTorch captioner on an NVIDIA GPU.

Usage: cuda.py [--tf32] SCRIPT [options of the script]. All tensors are made on the GPU, and clocks are read only when its
work is done. --tf32: matrix products on tensor cores, with 10 bits of the factors' fractions instead of 23.
"""
import os
import runpy
import sys
import time

os.environ['MIA_TUNED'] = '1'  # the settings that scripts restart with are for processors
import torch

arguments = sys.argv[1:]
if arguments[0] == '--tf32':
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    arguments = arguments[1:]
else:
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
torch.set_default_device('cuda')
clock = time.perf_counter


def perf_counter():
    torch.cuda.synchronize()
    return clock()


time.perf_counter = perf_counter
sys.argv = arguments
runpy.run_path(arguments[0], run_name='__main__')
