"""One self-contained page of a folder's results: of a comparison, a benchmark or a run.

`sources` reads the folder, `standings` compares, `charts`, `tables`, `pictures` and `origins` make
the parts, and `page` puts them together by the template `page.html`.
"""
