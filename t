Command exited with non-zero status 1
2.56+0.05 s 96052 KB
