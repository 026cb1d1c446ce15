"""What a model version is worth, on payments it has not learnt from: figures as JSON, and one page for people.

`judged` has the payments with their scores, `report` puts all figures together, `page` writes them as one HTML file.
"""
