"""The types that programs are made of, by Java's names."""

from __future__ import annotations

INT, BOOLEAN, CHAR, STRING = "int", "boolean", "char", "String"
ARRAY, NUMBERS, WORDS, COUNTS = "int[]", "List<Integer>", "List<String>", "Map<Character, Integer>"
ELEMENT = {ARRAY: INT, NUMBERS: INT, WORDS: STRING, STRING: CHAR}  # what one comes upon in going through it
