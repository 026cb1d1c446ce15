"""An installation as a whole: whether all that workers need is there, and taking it away again."""
