"""Amazon Augmented AI, and what programs ask SageMaker for it: a human loop is a case of ours."""
