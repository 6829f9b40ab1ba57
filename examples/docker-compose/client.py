"""Sends ten requests to the balancer and prints each answer: `python client.py [URL]`."""

import collections
import sys
import urllib.request

URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080/"

counts = collections.Counter()
for number in range(1, 11):
    with urllib.request.urlopen(URL, timeout=10) as response:
        answer = response.read().decode().strip()
    print(f"{number:2}: {answer}")
    counts[answer] += 1

print()
for name, count in sorted(counts.items()):
    print(f"{name}: {count} answers")
