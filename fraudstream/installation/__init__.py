"""An installation as a whole: whether all that workers need is there, what people have made as files, and taking it away again."""
