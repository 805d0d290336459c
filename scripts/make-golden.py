#!/usr/bin/env python3
"""Makes and checks the golden values in test/golden/reference and test/fixtures, in PyTorch, with dropout off.

The model follows the formulas of the MIA paper (arXiv:1905.06139) and its published code, whose parameter names it
uses. It shares nothing with the TypeScript implementation. Values are computed in float64 and stored as float32.
Needs PyTorch 1.13 or later and no other package (Debian: apt-get install python3-torch, then /usr/bin/python3).

  make-golden.py captioner VisualAttention --mia --out FILE.safetensors   a new captioner and everything it computes
  make-golden.py captioner --from FILE --out FILE.safetensors             the same for the weights and inputs of a file
  make-golden.py check FILE...                 recomputes each file's values from its weights and inputs, and compares
  make-golden.py layers --out test/fixtures/layers.json                   each layer by itself, at tiny sizes
"""
import argparse
import json
import math
import random
import struct
import sys

import torch
import torch.nn.functional as F
from torch import nn

START, END = 1, 2
FIRST_WORD = 4  # below it: <pad>, <start>, <end>, <unk>
LABEL_SMOOTHING = 0.1
ADAM = dict(lr=5e-4, betas=(0.8, 0.999), eps=1e-8)
CLAMP = 0.1
MOST_WORDS = 20
TRAINED = ('encoder_image.affine_a.weight', 'decoder.LSTM.weight_hh_l0', 'decoder.mlp.bias')  # compared after training
DROPOUT, MIA_DROPOUT = 0.5, 0.1

torch.set_default_dtype(torch.float64)


class Masks:
    """The masks of dropout, for fixtures that pin where dropout is applied and how it scales. Off unless started."""

    def __init__(self):
        self.random, self.drawn = None, []

    def start(self, seed):
        self.random, self.drawn = random.Random(seed), []

    def stop(self):
        self.random = None
        return self.drawn

    def apply(self, x, rate):
        if self.random is None:
            return x
        keep = [self.random.randrange(2) for _ in range(x.numel())]  # half at any rate: small masks must drop some
        self.drawn.append(dict(rate=rate, shape=list(x.shape), keep=''.join(map(str, keep))))
        return x * torch.tensor(keep).view(x.shape) / (1 - rate)


MASKS = Masks()
dropout = MASKS.apply


# The model. Modules are named as in the published code, so that state_dict() has the published names. B images, R
# regions, K concepts, N rows of either, D model width, H heads, T words, P words of all captions without padding, W
# vocabulary.


class Attention(nn.Module):
    """LN(dropout(fc(concat_h(dropout(softmax(q k^T / sqrt(D/H))) v))) + v): the residual is the value stream."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.w_qs, self.w_ks, self.w_vs = (nn.Linear(width, width) for _ in range(3))
        self.layer_norm = nn.LayerNorm(width)
        self.fc = nn.Linear(width, width)
        for layer in (self.w_qs, self.w_ks, self.w_vs):
            nn.init.normal_(layer.weight, std=math.sqrt(2 / (width + width / heads)))
        nn.init.xavier_normal_(self.fc.weight)

    def multi_head(self, query, value, mask=None):
        """Queries [B, M, D], keys and values [B, N, D] -> [B, M, D] and weights [B, H, M, N]; mask [B, N], 1 = use."""
        def split(x):
            return x.view(x.size(0), x.size(1), self.heads, -1).transpose(1, 2)
        q, k, v = split(self.w_qs(query)), split(self.w_ks(value)), split(self.w_vs(value))
        logits = q @ k.transpose(2, 3) / math.sqrt(q.size(3))
        if mask is not None:
            logits = logits.masked_fill(mask[:, None, None, :] == 0, -math.inf)
        weights = torch.softmax(logits, -1)
        mixed = dropout(weights, MIA_DROPOUT) @ v
        return self.fc(mixed.transpose(1, 2).reshape(query.shape)), weights

    def forward(self, query, value, mask=None):
        return self.layer_norm(dropout(self.multi_head(query, value, mask)[0], MIA_DROPOUT) + value)


class FeedForward(nn.Module):
    """LN(dropout(w_2 relu(w_1 x)) + x), as convolutions of width 1."""

    def __init__(self, width, inner):
        super().__init__()
        self.w_1, self.w_2 = nn.Conv1d(width, inner, 1), nn.Conv1d(inner, width, 1)
        self.layer_norm = nn.LayerNorm(width)

    def forward(self, x):
        y = self.w_2(F.relu(self.w_1(x.transpose(1, 2)))).transpose(1, 2)
        return self.layer_norm(dropout(y, MIA_DROPOUT) + x)


class Refinement(nn.Module):
    """One branch of an iteration: attention, feed-forward, and an outer Add&Norm if `outer_norm`."""

    def __init__(self, width, heads, inner, outer_norm):
        super().__init__()
        self.enc_attn = Attention(width, heads)
        self.pos_ffn = FeedForward(width, inner)
        if outer_norm:
            self.layer_norm = nn.LayerNorm(width)

    def forward(self, query, value, mask=None):
        y = self.pos_ffn(self.enc_attn(query, value, mask))
        return self.layer_norm(y + value) if hasattr(self, 'layer_norm') else y


class Mia(nn.Module):
    """Mutual Iterative Attention. `figure`: an outer Add&Norm on the textual branch too; `to_self`: the control."""

    def __init__(self, width, heads, inner, iterations, figure=False, to_self=False):
        super().__init__()
        self.layer_refine_V = Refinement(width, heads, inner, outer_norm=True)
        self.layer_refine_T = Refinement(width, heads, inner, outer_norm=figure)
        self.layer_norm = nn.LayerNorm(width)
        self.iterations, self.to_self = iterations, to_self

    def forward(self, visual, textual):
        """[B, R, D], [B, K, D] -> refined streams and SGIR, [B, max(R, K), D]. The published code needs R = K."""
        (R, K), masks = (visual.size(1), textual.size(1)), [None, None]
        if R != K:  # pad the shorter stream with zeros, which are no keys in the first iteration
            visual, textual = (F.pad(x, (0, 0, 0, max(R, K) - x.size(1))) for x in (visual, textual))
            masks = [(torch.arange(max(R, K)) < n)[None].long() for n in (R, K)]
        for _ in range(self.iterations):
            visual = self.layer_refine_V(visual if self.to_self else textual, visual, masks[0])
            textual = self.layer_refine_T(textual if self.to_self else visual, textual, masks[1])
            masks = [None, None]
        return visual, textual, self.layer_norm(visual + textual)


class RegionAttention(nn.Module):
    """alpha = softmax(w^T tanh(W_x x + W_h h)) over the rows x of an image, c = sum_i alpha_i x_i."""

    def __init__(self, width, hidden):
        super().__init__()
        self.affine_x, self.affine_h = nn.Linear(width, hidden, bias=False), nn.Linear(width, hidden, bias=False)
        self.affine_alpha = nn.Linear(hidden, 1, bias=False)

    def forward(self, hidden, rows, mask=None):
        """Hidden states [B, T, D], rows [B, R, D] -> contexts [B, T, D], weights [B, T, R]; mask [B, R], 1 = use."""
        keys = self.affine_x(dropout(rows, DROPOUT))[:, None]
        sums = keys + self.affine_h(dropout(hidden, DROPOUT))[:, :, None]
        logits = self.affine_alpha(dropout(torch.tanh(sums), DROPOUT)).squeeze(3)
        if mask is not None:
            logits = logits.masked_fill(mask[:, None, :] == 0, -math.inf)
        weights = torch.softmax(logits, -1)
        return weights @ rows, weights


class ImageEncoder(nn.Module):
    def __init__(self, features, width):
        super().__init__()
        self.affine_a = nn.Linear(features, width)

    def forward(self, features):
        return F.relu(self.affine_a(dropout(features, DROPOUT)))


class Decoder(nn.Module):
    def __init__(self, embedding, width, attention):
        super().__init__()
        self.affine_va = nn.Linear(width, width)
        self.caption_embed = embedding  # shared with the concepts
        self.LSTM = nn.LSTM(width, width, batch_first=True)
        self.attention = RegionAttention(width, attention)
        self.mlp = nn.Linear(width, embedding.num_embeddings)


class Captioner(nn.Module):
    def __init__(self, basic_model, mia, sizes):
        super().__init__()
        self.basic_model, width = basic_model, sizes.d_model
        self.encoder_image = ImageEncoder(sizes.features, width)
        self.encoder_concept = nn.Embedding(sizes.vocab, width)
        self.decoder = Decoder(self.encoder_concept, width, sizes.attention)
        self.MIA = Mia(width, sizes.n_head, sizes.d_inner, sizes.iterations) if mia else None

    def encode(self, features, concepts):
        """Features [B, R, F] and concepts [B, K] -> the streams, and what the fixtures store of them."""
        visual, textual = self.encoder_image(features), self.encoder_concept(concepts)
        stored = dict(visual=visual)
        if self.MIA is not None:
            refined_visual, refined_textual, sgir = self.MIA(visual, textual)
            stored.update(sgir=sgir, refined_visual=refined_visual, refined_textual=refined_textual)
            visual = textual = sgir
        return visual, textual, stored

    def hidden(self, visual, textual, words):
        """Teacher forcing: ids fed [B, T] -> the input of the output layer [B, T, D]."""
        decoder, visual_model = self.decoder, self.basic_model.startswith('Visual')
        visual_mean, textual_mean = decoder.affine_va(dropout(visual.mean(1), DROPOUT)), textual.mean(1)
        mean, other = (visual_mean, textual_mean) if visual_model else (textual_mean, visual_mean)
        state = None
        if self.basic_model.endswith('Condition'):
            _, state = decoder.LSTM(other[:, None])
        hidden, _ = decoder.LSTM(decoder.caption_embed(words) + mean[:, None], state)
        if self.basic_model.endswith('Attention'):
            hidden = decoder.attention(hidden, visual if visual_model else textual)[0] + hidden
        return hidden

    def scores(self, encoded, captions, lengths):
        """Captions [B, T+1] of `lengths` targets -> logits [P, W] and targets [P], by time, then by caption."""
        visual, textual, _ = encoded
        used = torch.arange(captions.size(1) - 1)[:, None] < lengths[None]
        hidden = self.hidden(visual, textual, captions[:, :-1]).transpose(0, 1)[used]
        return self.decoder.mlp(dropout(hidden, DROPOUT)), captions[:, 1:].T[used]

    def search(self, visual, textual, beam):
        """The published beam search of one image: finished hypotheses keep growing until the best one is finished."""
        rows = [([], 0.0)]
        while len(rows[0][0]) < MOST_WORDS and rows[0][0][-1:] != [END]:
            ids = torch.tensor([[START] + words for words, _ in rows])
            hidden = self.hidden(visual.expand(len(rows), -1, -1), textual.expand(len(rows), -1, -1), ids)[:, -1]
            best = torch.log_softmax(self.decoder.mlp(hidden), -1).topk(beam)
            rows = [(words + [int(id)], score + float(log_prob)) for (words, score), log_probs, ids in
                    zip(rows, best.values, best.indices) for log_prob, id in zip(log_probs, ids)]
            rows = sorted(rows, key=lambda row: -row[1])[:beam]
        return rows


def smoothed_cross_entropy(scores, targets):
    """The mean over words; the target distribution has 1 - s on the word and s / (W - 1) on each other word."""
    words = scores.size(1)
    target = torch.full_like(scores, LABEL_SMOOTHING / (words - 1)).scatter(1, targets[:, None], 1 - LABEL_SMOOTHING)
    return -(target * torch.log_softmax(scores, 1)).sum(1).mean()


# Files: safetensors is 8 bytes with the length of the header, the header in JSON, then the numbers.

DTYPES = {'F32': torch.float32, 'I64': torch.int64}


def write_safetensors(path, tensors, metadata):
    header, data = {'__metadata__': metadata}, b''
    for name, tensor in tensors.items():
        tensor = tensor.detach().contiguous()
        tensor = tensor.float() if tensor.is_floating_point() else tensor
        numbers = bytes(tensor.flatten().numpy().tobytes())
        dtype = next(key for key, value in DTYPES.items() if value == tensor.dtype)
        header[name] = dict(dtype=dtype, shape=list(tensor.shape), data_offsets=[len(data), len(data) + len(numbers)])
        data += numbers
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    with open(path, 'wb') as file:
        file.write(struct.pack('<Q', len(text)) + text + data)


def read_safetensors(path):
    with open(path, 'rb') as file:
        content = file.read()
    start = 8 + struct.unpack('<Q', content[:8])[0]
    header, tensors = json.loads(content[8:start]), {}
    metadata = header.pop('__metadata__')
    for name, entry in header.items():
        first, last = (start + offset for offset in entry['data_offsets'])
        numbers = torch.frombuffer(bytearray(content[first:last]), dtype=DTYPES[entry['dtype']])
        tensors[name] = numbers.view(entry['shape'])
    return tensors, metadata


# Golden values of a captioner.


def golden_values(model, inputs):
    """Everything that a fixture stores of a captioner and its inputs: tensors and metadata."""
    features, concepts, captions, lengths = (inputs[name] for name in ('features', 'concepts', 'captions', 'lengths'))
    features = features.double()

    def loss_of(model):
        encoded = model.encode(features, concepts)
        scores, targets = model.scores(encoded, captions, lengths)
        return encoded, scores, targets, smoothed_cross_entropy(scores, targets)

    tensors = {f'in.{name}': value for name, value in inputs.items()}
    tensors.update({f'param.{name}': value.clone() for name, value in model.state_dict().items()})
    model.zero_grad()
    encoded, scores, targets, loss = loss_of(model)
    loss.backward()
    outputs = dict(encoded[2], packed_scores=scores, packed_targets=targets, loss=loss)
    tensors.update({f'out.{name}': value for name, value in outputs.items()})
    tensors.update({f'grad.{name}': p.grad.clone() for name, p in model.named_parameters() if p.grad is not None})

    metadata = {}
    with torch.no_grad():
        visual, textual, _ = encoded
        for name, beam in (('greedy', 1), ('beam3', 3)):
            found = [model.search(v[None], t[None], beam) for v, t in zip(visual, textual)]
            metadata[name] = json.dumps([[words for words, _ in rows] for rows in found])
            metadata[f'{name}_scores'] = json.dumps([[score for _, score in rows] for rows in found])

    initial = {name: value.clone() for name, value in model.state_dict().items()}
    for name in ('plain', 'weight_clamp'):
        model.load_state_dict(initial)
        optimizer, losses = torch.optim.Adam(model.parameters(), **ADAM), []
        for _ in range(5):
            loss = loss_of(model)[3]
            optimizer.zero_grad()
            loss.backward()
            if name == 'weight_clamp':
                for p in model.decoder.parameters():
                    p.data.clamp_(-CLAMP, CLAMP)
            optimizer.step()
            losses.append(loss.detach())
        tensors[f'train.{name}.losses'] = torch.stack(losses)
        tensors.update({f'train.{name}.final.{each}': model.state_dict()[each].clone() for each in TRAINED})
    model.load_state_dict(initial)
    return tensors, metadata


def new_inputs(sizes):
    lengths = sorted((random.randint(3, 9) for _ in range(sizes.images)), reverse=True)
    captions = torch.zeros(sizes.images, lengths[0] + 1, dtype=torch.long)
    for row, length in zip(captions, lengths):
        row[0], row[length] = START, END
        row[1:length] = torch.randint(FIRST_WORD, sizes.vocab, (length - 1,))
    return dict(
        features=torch.rand(sizes.images, sizes.regions, sizes.features).float(),
        concepts=torch.randint(FIRST_WORD, sizes.vocab, (sizes.images, sizes.regions)),
        captions=captions,
        lengths=torch.tensor(lengths),
    )


def memorise(model, inputs):
    """Trains until every word of the captions has a probability above 0.6, so that searches find captions that end."""
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for _ in range(2000):
        encoded = model.encode(inputs['features'].double(), inputs['concepts'])
        scores, targets = model.scores(encoded, inputs['captions'], inputs['lengths'])
        if torch.softmax(scores, 1).gather(1, targets[:, None]).min() > 0.6:
            return
        loss = smoothed_cross_entropy(scores, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    sys.exit('make-golden.py: the model did not learn its captions in 2,000 steps; choose another --seed')


def round_to_float32(model):
    for p in model.parameters():
        p.data = p.data.float().double()


def new_captioner(args):
    torch.manual_seed(args.seed)
    random.seed(args.seed)
    model, inputs = Captioner(args.model, args.mia, args), new_inputs(args)
    for p in model.parameters():
        if p.dim() == 1:
            p.data += torch.empty_like(p).uniform_(-0.3, 0.3)  # biases and norms that matter
    memorise(model, inputs)
    round_to_float32(model)
    sizes = {name: str(getattr(args, name)) for name in ('iterations', 'd_model', 'n_head', 'd_inner', 'vocab', 'seed')}
    return model, inputs, dict(basic_model=args.model, mia=str(args.mia), **sizes)


def stored_captioner(path):
    tensors, metadata = read_safetensors(path)
    weights = {name[6:]: value.double() for name, value in tensors.items() if name.startswith('param.')}
    sizes = argparse.Namespace(
        features=tensors['in.features'].size(2),
        attention=weights['decoder.attention.affine_x.weight'].size(0),
        **{name: int(metadata[name]) for name in ('iterations', 'd_model', 'n_head', 'd_inner', 'vocab')},
    )
    model = Captioner(metadata['basic_model'], metadata['mia'] == 'True', sizes)
    model.load_state_dict(weights)
    inputs = {name[3:]: value for name, value in tensors.items() if name.startswith('in.')}
    kept = ('basic_model', 'mia', 'iterations', 'd_model', 'n_head', 'd_inner', 'vocab', 'seed')
    return model, inputs, {name: metadata[name] for name in kept}, tensors, metadata


def make_captioner(args):
    if args.source is None and args.model is None:
        sys.exit('make-golden.py captioner: name a basic model, such as VisualAttention, or give a file with --from')
    model, inputs, about = stored_captioner(args.source)[:3] if args.source else new_captioner(args)
    tensors, found = golden_values(model, inputs)
    adam = json.dumps(dict(ADAM, betas=list(ADAM['betas'])))
    write_safetensors(args.out, tensors, dict(
        about, label_smoothing=str(LABEL_SMOOTHING), **found, adam=adam, torch=torch.__version__))


def check(args):
    """Prints the largest difference of each kind of values, relative to the tensor's largest number; fails beyond 1e-5.

    Numbers below 1 are compared absolutely. Gradients are always compared relatively, and within 1e-3, because those of
    the published code were computed in float32.
    """
    failed = False
    for path in args.files:
        model, inputs, _, stored, metadata = stored_captioner(path)
        tensors, found = golden_values(model, inputs)
        if set(tensors) != set(stored):
            sys.exit(f'{path}: {sorted(set(tensors) ^ set(stored))} are in one of the two only')
        worst = {}
        for name, value in stored.items():
            kind = name.split('.')[0]
            largest = float(value.abs().max())
            if kind == 'grad' and largest < 1e-8:
                continue  # rounding of a gradient that is 0, such as that of the keys' bias
            difference = float((tensors[name].double() - value.double()).abs().max())
            difference /= largest if kind == 'grad' else max(1, largest)
            worst[kind] = max(worst.get(kind, 0), difference)
        for name in ('greedy', 'beam3'):
            if json.loads(found[name]) != json.loads(metadata[name]):
                worst[name] = math.inf
            else:
                pairs = zip(json.loads(found[f'{name}_scores']), json.loads(metadata[f'{name}_scores']))
                worst[name] = max(abs(a - b) for ours, theirs in pairs for a, b in zip(ours, theirs))
        failed |= any(value > (1e-3 if kind == 'grad' else 1e-5) for kind, value in worst.items())
        print(path, *(f'{kind} {value:.1e}' for kind, value in worst.items() if kind not in ('in', 'param')))
    sys.exit(1 if failed else 0)


# Fixtures of single layers. Their weights are those of one tiny captioner, under the published names.


def make_layers(args):
    numbers = random.Random(args.seed)
    normal = lambda *shape: torch.tensor([round(numbers.gauss(0, 1), 2) for _ in range(math.prod(shape))]).view(shape)
    B, R, K, T = 2, 3, 2, 3
    sizes = argparse.Namespace(features=3, d_model=4, n_head=2, d_inner=6, iterations=2, attention=3, vocab=7)
    D, W = sizes.d_model, sizes.vocab
    captioners = {name: Captioner(name, True, sizes) for name in ('VisualAttention', 'VisualCondition')}
    model = captioners['VisualAttention']
    figure = Mia(D, sizes.n_head, sizes.d_inner, sizes.iterations, figure=True)
    control = Mia(D, sizes.n_head, sizes.d_inner, sizes.iterations, to_self=True)
    weights = {name: normal(*value.shape) / 2 for name, value in model.state_dict().items()}
    weights['decoder.caption_embed.weight'] = weights['encoder_concept.weight']
    weights.update({f'MIA.layer_refine_T.layer_norm.{name}': normal(D) / 2 for name in ('weight', 'bias')})
    for name in weights:
        if name.endswith('layer_norm.weight'):
            weights[name] += 1
    for each in captioners.values():
        each.load_state_dict({name: weights[name] for name in model.state_dict()})
    for each in (figure, control):
        each.load_state_dict({name: weights[f'MIA.{name}'] for name in each.state_dict()})
    as_json = lambda x: dict(shape=list(x.shape), data=[float(f'{v:.8g}') for v in x.double().flatten().tolist()])
    cases = {}

    def case(name, inputs, compute):
        """Stores `inputs` and what compute() returns of them: as it is, and with dropout's masks."""
        outputs = compute()
        MASKS.start(name)
        dropped = compute()
        masks = MASKS.stop()
        cases[name] = dict(
            inputs={key: as_json(value) for key, value in inputs.items()},
            outputs={key: as_json(value) for key, value in outputs.items()},
            **(dict(masks=masks, dropped={key: as_json(value) for key, value in dropped.items()}) if masks else {}),
        )

    x = normal(B, T, D)
    case('linear', dict(x=x), lambda: dict(y=model.decoder.affine_va(x)))
    flat = normal(B, D)
    flat[1] = torch.tensor([2.0, 2.01, 1.99, 2.0])  # a variance as small as epsilon
    case('layerNorm', dict(x=flat), lambda: dict(y=model.MIA.layer_norm(flat)))
    case('feedForward', dict(x=x), lambda: dict(y=model.MIA.layer_refine_V.pos_ffn(x)))

    def lstm():
        hidden, (last, cell) = model.decoder.LSTM(x)
        return dict(hidden=hidden, cell=cell[0])
    case('lstm', dict(x=x), lstm)

    attention = model.MIA.layer_refine_V.enc_attn
    query, value, mask = normal(B, 2, D), normal(B, R, D), torch.tensor([[1, 1, 1], [1, 0, 1]])
    other = nn.MultiheadAttention(D, sizes.n_head, batch_first=True)  # PyTorch's own, for comparison
    parts = (attention.w_qs, attention.w_ks, attention.w_vs)
    other.in_proj_weight.data = torch.cat([part.weight for part in parts])
    other.in_proj_bias.data = torch.cat([part.bias for part in parts])
    other.out_proj.weight.data, other.out_proj.bias.data = attention.fc.weight.data, attention.fc.bias.data
    for each in (None, mask):
        expected = other(query, value, value, None if each is None else each == 0, average_attn_weights=False)
        for ours, theirs in zip(attention.multi_head(query, value, each), expected):
            assert torch.allclose(ours, theirs, atol=1e-12)

    def multi_head(mask):
        return dict(zip(('output', 'weights'), attention.multi_head(query, value, mask)))
    case('multiHead', dict(query=query, value=value), lambda: multi_head(None))
    case('multiHead.masked', dict(query=query, value=value, mask=mask), lambda: multi_head(mask))
    queries = normal(B, R, D)
    case('miaAttention', dict(query=queries, value=value, mask=mask),
         lambda: dict(output=attention(queries, value, mask)))

    def region_attention(mask):
        return dict(zip(('context', 'attention'), model.decoder.attention(x, value, mask)))
    case('regionAttention', dict(hidden=x, regions=value), lambda: region_attention(None))
    case('regionAttention.masked', dict(hidden=x, regions=value, mask=mask), lambda: region_attention(mask))

    padded = normal(B, R, D)
    padded[1, 2] = 0
    case('masks', dict(x=padded), lambda: dict(
        mean=padded.mean(1), maskedMean=torch.stack([padded[0].mean(0), padded[1, :2].mean(0)])))

    regions = {count: normal(B, count, D) for count in (R, K)}
    for name, mia, counts in (('mia', model.MIA, (R, R)), ('mia.figure', figure, (R, R)), ('mia.self', control, (R, R)),
                              ('mia.fewConcepts', model.MIA, (R, K)), ('mia.fewRegions', model.MIA, (K, R))):
        textual = normal(B, counts[1], D)
        visual = regions[counts[0]]
        case(name, dict(regions=visual, concepts=textual),
             lambda: dict(zip(('visual', 'textual', 'sgir'), mia(visual, textual))))

    features, concepts = normal(B, R, sizes.features), torch.tensor([[4, 5, 6], [6, 4, 4]])
    captions, lengths = torch.tensor([[START, 5, 6, END], [START, 4, END, 0]]), torch.tensor([3, 2])
    for name, each in captioners.items():
        case(name, dict(features=features, concepts=concepts, captions=captions, lengths=lengths),
             lambda: dict(scores=each.scores(each.encode(features, concepts), captions, lengths)[0]))

    detector = dict(weight=normal(W, sizes.features) / 2, bias=normal(W) / 2)
    labels = torch.tensor([[1, 0, 0, 1, 0, 0, 1], [0, 0, 1, 1, 0, 0, 0]])
    images = normal(B, R, sizes.features)
    images[1, 1:] = 0
    counts = (3, 1)  # regions that are not padding

    def detect():
        for value in detector.values():
            value.grad = None
            value.requires_grad_()
        logits = dropout(images, DROPOUT) @ detector['weight'].T + detector['bias']
        present = torch.sigmoid(logits)
        p = torch.stack([1 - torch.prod(1 - rows[:count], 0) for rows, count in zip(present, counts)])
        loss = F.binary_cross_entropy(p, labels.double(), reduction='sum') / B
        loss.backward()
        gradients = {f'grad.{name}': value.grad.clone() for name, value in detector.items()}
        probabilities = dict(probabilities=p.detach()) if MASKS.random is None else {}  # without dropout only
        return dict(loss=loss.detach(), **gradients, **probabilities)
    case('conceptDetector', dict(features=images, labels=labels, **detector), detect)

    about = f'made by scripts/make-golden.py layers --seed {args.seed} with PyTorch {torch.__version__}'
    lines = [f'    {json.dumps(key)}: {json.dumps(value)}' for key, value in cases.items()]
    del weights['encoder_concept.weight']  # the same as decoder.caption_embed.weight
    # without the width 1 of convolution kernels
    weights = {key: value.squeeze(2) if value.dim() == 3 else value for key, value in weights.items()}
    parameters = [f'    {json.dumps(key)}: {json.dumps(as_json(value))}' for key, value in weights.items()]
    with open(args.out, 'w') as file:
        file.write('{\n  "about": ' + json.dumps(about) + ',\n  "parameters": {\n' + ',\n'.join(parameters))
        file.write('\n  },\n  "cases": {\n' + ',\n'.join(lines) + '\n  }\n}\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest='command', required=True)
    captioner = commands.add_parser('captioner', help='write the golden values of a captioner')
    captioner.add_argument('model', nargs='?', metavar='basic model', help='such as VisualAttention',
                           choices=['VisualAttention', 'ConceptAttention', 'VisualCondition', 'ConceptCondition'])
    captioner.add_argument('--from', dest='source', metavar='FILE', help='take weights and inputs of this file')
    captioner.add_argument('--mia', action='store_true', help='with Mutual Iterative Attention')
    for flag, name, default, what in (  # flags as those of mia train; names as in the metadata of the published code
        ('--iterations', 'iterations', 2, 'iterations of MIA'),
        ('--images', 'images', 4, 'images, with one caption each'),
        ('--regions', 'regions', 49, 'regions per image; as many concepts'),
        ('--feature-size', 'features', 64, 'numbers per region'),
        ('--hidden-size', 'd_model', 32, 'model width'),
        ('--num-heads', 'n_head', 4, 'heads of MIA'),
        ('--inner-size', 'd_inner', 64, 'hidden width of the feed-forward layers'),
        ('--attention-size', 'attention', 49, 'hidden width of the attention over regions'),
        ('--vocabulary-size', 'vocab', 60, 'words of the vocabulary'),
        ('--seed', 'seed', 123, 'seed of weights and inputs'),
    ):
        captioner.add_argument(flag, dest=name, metavar='N', type=int, default=default,
                               help=f'{what} (default {default})')
    captioner.add_argument('--out', required=True, metavar='FILE')
    captioner.set_defaults(run=make_captioner)
    checker = commands.add_parser('check', help='recompute the values of files and compare')
    checker.add_argument('files', nargs='+', metavar='FILE')
    checker.set_defaults(run=check)
    layers = commands.add_parser('layers', help='write the golden values of each layer by itself')
    layers.add_argument('--seed', type=int, default=1)
    layers.add_argument('--out', required=True, metavar='FILE')
    layers.set_defaults(run=make_layers)
    args = parser.parse_args()
    args.run(args)


main()
