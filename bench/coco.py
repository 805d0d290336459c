"""Times BLEU, ROUGE-L and CIDEr-D by coco-caption's algorithms, which count tuples of words in dictionaries: the baseline
of bench/metrics.ts. Prints one JSON line.

Usage: python3 bench/coco.py CAPTIONS.json, with the tokenised references and candidates of caption-set.ts.
"""
import json
import math
import resource
import sys
import time
from collections import Counter, defaultdict


def ngrams(words):
    return Counter(tuple(words[i:i + n]) for n in range(1, 5) for i in range(len(words) - n + 1))


def bleu(references, candidates):
    lengths, total, matched = [0, 0], [0] * 4, [0] * 4
    for image, words in zip(references, candidates):
        most = Counter()
        for other in image:
            for gram, count in ngrams(other).items():
                most[gram] = max(most[gram], count)
        lengths[0] += len(words)
        lengths[1] += min((abs(len(other) - len(words)), len(other)) for other in image)[1]
        for gram, count in ngrams(words).items():
            matched[len(gram) - 1] += min(count, most[gram])
        for n in range(4):
            total[n] += max(0, len(words) - n)
    product, scores = 1.0, []
    for n in range(4):
        product *= (matched[n] + 1e-15) / (total[n] + 1e-9)
        scores.append(product ** (1 / (n + 1)))
    ratio = (lengths[0] + 1e-15) / (lengths[1] + 1e-9)
    return [score * (math.exp(1 - 1 / ratio) if ratio < 1 else 1) for score in scores]


def longest_common_subsequence(a, b):
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, word in enumerate(a):
        for j, other in enumerate(b):
            table[i + 1][j + 1] = table[i][j] + 1 if word == other else max(table[i][j + 1], table[i + 1][j])
    return table[-1][-1]


def rouge(references, candidates):
    total = 0.0
    for image, words in zip(references, candidates):
        lengths = [longest_common_subsequence(words, other) for other in image]
        precision = max(length / max(1, len(words)) for length in lengths)
        recall = max(length / len(other) for length, other in zip(lengths, image))
        if precision and recall:
            total += 2.44 * precision * recall / (recall + 1.44 * precision)
    return total / len(candidates)


def cider(references, candidates):
    counts = [[ngrams(words) for words in image] for image in references]
    frequency = defaultdict(float)
    for image in counts:
        for gram in {gram for reference in image for gram in reference}:
            frequency[gram] += 1
    log_images = math.log(len(references))

    def vector(grams):
        weights, norms, length = [{} for _ in range(4)], [0.0] * 4, 0
        for gram, count in grams.items():
            n = len(gram) - 1
            weights[n][gram] = count * (log_images - math.log(max(1.0, frequency[gram])))
            norms[n] += weights[n][gram] ** 2
            if n == 1:
                length += count
        return weights, [math.sqrt(norm) for norm in norms], length

    total = 0.0
    for image, words in zip(counts, candidates):
        candidate = vector(ngrams(words))
        score = 0.0
        for grams in image:
            reference = vector(grams)
            penalty = math.exp(-((candidate[2] - reference[2]) ** 2) / 72)
            for n in range(4):
                product = sum(min(weight, reference[0][n].get(gram, 0.0)) * reference[0][n].get(gram, 0.0)
                              for gram, weight in candidate[0][n].items())
                if candidate[1][n] and reference[1][n]:
                    product /= candidate[1][n] * reference[1][n]
                score += product * penalty / 4
        total += 10 * score / len(image)
    return total / len(candidates)


data = json.load(open(sys.argv[1]))
references, candidates = data['references'], data['candidates']
start = time.time()
scores = {
    'Bleu_4': bleu(references, candidates)[3],
    'ROUGE_L': rouge(references, candidates),
    'CIDEr': cider(references, candidates),
}
seconds = time.time() - start
peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({'seconds': seconds, 'peakMB': peak_mb, 'scores': scores}))
