"""Files with secrets: keys of card tokens, and people's passwords."""
